import { Component, type ReactNode } from 'react';

interface ErrorBoundaryProps {
  /** A change of this key gives the children another chance. */
  resetKey: string;
  children: ReactNode;
}

/** Keeps the navigation usable when a page fails to render. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, { failedKey: string | null }> {
  override state: { failedKey: string | null } = { failedKey: null };

  static getDerivedStateFromProps(props: ErrorBoundaryProps, state: { failedKey: string | null }) {
    return state.failedKey !== null && state.failedKey !== props.resetKey ? { failedKey: null } : null;
  }

  override componentDidCatch(): void {
    this.setState({ failedKey: this.props.resetKey });
  }

  override render(): ReactNode {
    if (this.state.failedKey === null) return this.props.children;
    return (
      <div className="notice notice-bad" role="alert">
        <p className="notice-title">This page failed to show</p>
        <p>The details are in the browser’s console. The other pages are not affected.</p>
        <button type="button" className="button button-small" onClick={() => window.location.reload()}>
          Load again
        </button>
      </div>
    );
  }
}
