import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { NavLink, Outlet, useLocation } from 'react-router';
import { session } from '../session/session';
import { Icon, type IconName } from '../ui/Icon';
import { Notices } from '../ui/Notices';
import { Brand } from './Brand';
import { ErrorBoundary } from './ErrorBoundary';
import { ServerNotice } from './ServerNotice';
import { ThemeSwitch } from './ThemeSwitch';

const pages: readonly { to: string; label: string; icon: IconName }[] = [
  { to: '/', label: 'Overview', icon: 'overview' },
  { to: '/topics', label: 'Topics', icon: 'topics' },
  { to: '/subscriptions', label: 'Subscriptions', icon: 'subscriptions' },
  { to: '/sources', label: 'Sources', icon: 'sources' },
  { to: '/jobs', label: 'Jobs', icon: 'jobs' },
  { to: '/queues', label: 'Queues', icon: 'queues' },
  { to: '/schedules', label: 'Schedules', icon: 'schedules' },
  { to: '/word-count', label: 'Word count', icon: 'words' },
  { to: '/nodes', label: 'Nodes', icon: 'nodes' },
  { to: '/docs', label: 'API', icon: 'api' },
];

/** The frame of every page: navigation, theme, the state of the server. */
export function Shell() {
  const { pathname } = useLocation();
  const { token } = useSyncExternalStore(session.subscribe, session.current);
  const [openAt, setOpenAt] = useState<string | null>(null);
  // The menu belongs to the page it was opened on, so that following a link closes it.
  const menuOpen = openAt === pathname;
  const main = useFocusAfterNavigation(pathname);

  return (
    <div className="shell">
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      <aside className="side">
        <div className="side-top">
          <Brand />
          <button
            type="button"
            className="menu-button"
            aria-expanded={menuOpen}
            aria-controls="menu"
            onClick={() => setOpenAt(menuOpen ? null : pathname)}
          >
            <Icon name={menuOpen ? 'close' : 'menu'} />
            <span className="visually-hidden">Menu</span>
          </button>
        </div>
        <div id="menu" className={menuOpen ? 'menu menu-open' : 'menu'}>
          <nav aria-label="Pages">
            <ul className="nav">
              {pages.map((page) => (
                <li key={page.to}>
                  <NavLink to={page.to} end={page.to === '/'} className="nav-link">
                    <Icon name={page.icon} />
                    {page.label}
                  </NavLink>
                </li>
              ))}
            </ul>
          </nav>
          <div className="side-bottom">
            <ThemeSwitch />
            {token !== null && (
              <button type="button" className="nav-link" onClick={() => session.signOut()}>
                <Icon name="signOut" />
                Sign out
              </button>
            )}
          </div>
        </div>
      </aside>
      <div className="content">
        <ServerNotice />
        <main id="main" ref={main} tabIndex={-1}>
          <ErrorBoundary resetKey={pathname}>
            <Outlet />
          </ErrorBoundary>
        </main>
      </div>
      <Notices />
    </div>
  );
}

/** Moves the focus to the new page, as a browser does when it loads one. */
function useFocusAfterNavigation(pathname: string) {
  const main = useRef<HTMLElement>(null);
  const shown = useRef(pathname);
  useEffect(() => {
    if (shown.current === pathname) return;
    shown.current = pathname;
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [pathname]);
  return main;
}
