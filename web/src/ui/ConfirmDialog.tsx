import { useState, type ReactNode } from 'react';
import { Dialog } from './Dialog';
import { ErrorNotice } from './ErrorNotice';
import { TextField } from './TextField';

interface ConfirmDialogProps {
  title: string;
  children: ReactNode;
  /** The verb on the button: "Delete topic". */
  action: string;
  destructive?: boolean;
  /** A word that must be typed before the button works. */
  typed?: string;
  pending: boolean;
  error: unknown;
  /** Fields among the children that show their own error. */
  fields?: readonly string[];
  onConfirm: () => void;
  onClose: () => void;
}

export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, children, action, destructive, typed, pending, error, fields = [], onConfirm, onClose } = props;
  const [text, setText] = useState('');
  const blocked = pending || (typed !== undefined && text !== typed);
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!blocked) onConfirm();
        }}
      >
        <div className="prose">{children}</div>
        {typed !== undefined && (
          <TextField label={`Type ${typed} to confirm`} value={text} onChange={setText} autoComplete="off" />
        )}
        {error !== null && error !== undefined && <ErrorNotice error={error} except={fields} />}
        <div className="dialog-buttons">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="submit"
            className={`button ${destructive ? 'button-danger' : 'button-primary'}`}
            disabled={blocked}
          >
            {pending ? 'Working…' : action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
