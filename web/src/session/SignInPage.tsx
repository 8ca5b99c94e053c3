import { useState } from 'react';
import { Problem } from '../api/problem';
import { Brand } from '../shell/Brand';
import { ErrorNotice } from '../ui/ErrorNotice';
import { TextField } from '../ui/TextField';
import { usePageTitle } from '../ui/usePageTitle';
import { session } from './session';

/** Asks for a bearer token and keeps it for this tab once the server has taken it. */
export function SignInPage() {
  usePageTitle('Sign in');
  const [token, setToken] = useState('');
  const [pending, setPending] = useState(false);
  const [error, setError] = useState<unknown>(null);

  const signIn = async () => {
    setPending(true);
    setError(null);
    try {
      await tryToken(token.trim());
      session.signIn(token.trim());
    } catch (failure) {
      setError(failure);
      setPending(false);
    }
  };

  return (
    <main className="sign-in">
      <form
        className="panel sign-in-card stack"
        onSubmit={(event) => {
          event.preventDefault();
          void signIn();
        }}
      >
        <Brand />
        <h1>Sign in</h1>
        <p className="quiet">
          This server wants a token. Create one where it runs with <code>databus token create NAME</code>.
        </p>
        <TextField
          label="Token"
          type="password"
          value={token}
          onChange={setToken}
          placeholder="dbt_…"
          autoComplete="current-password"
          spellCheck={false}
          required
        />
        {error !== null && <ErrorNotice error={error} title="Not signed in" />}
        <button type="submit" className="button button-primary" disabled={pending || token.trim() === ''}>
          {pending ? 'Checking…' : 'Sign in'}
        </button>
        <p className="quiet small">The token is kept in this tab only, until it is closed or you sign out.</p>
      </form>
    </main>
  );
}

async function tryToken(token: string): Promise<void> {
  // A header holds only visible ASCII; fetch would fail on anything else as if the server were away.
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Problem('A token has only letters, digits and underscores.', 401);
  let response: Response;
  try {
    response = await fetch('/api/v1/overview', {
      headers: { Accept: 'application/json', Authorization: `Bearer ${token}` },
      cache: 'no-store',
    });
  } catch {
    throw Problem.unreachable();
  }
  if (!response.ok) throw await Problem.fromResponse(response);
}
