import { keepPreviousData, useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { announce } from '../ui/announce';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { Empty } from '../ui/Empty';
import { ErrorNotice } from '../ui/ErrorNotice';
import { plural } from '../ui/format';
import { Loading } from '../ui/Loading';
import { Panel } from '../ui/Panel';
import { DeadLetterRow } from './DeadLetterRow';
import {
  deadLettersKey,
  discardDead,
  readDeadLetters,
  replayDead,
  subscriptionsQuery,
  type SubscriptionRef,
} from './subscriptionService';

interface DeadLettersProps {
  subscription: SubscriptionRef;
  /** How many there are, which may be more than have been read. */
  count: number;
}

/** What a button is about to do: to these ids, or to all there are. */
interface Chosen {
  verb: 'replay' | 'discard';
  ids: readonly string[] | 'all';
}

export function DeadLetters({ subscription, count }: DeadLettersProps) {
  const queries = useQueryClient();
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const [chosen, setChosen] = useState<Chosen | null>(null);

  const pages = useInfiniteQuery({
    // The count is part of the key so that the list is read again when it changes.
    queryKey: [...deadLettersKey(subscription), count],
    queryFn: ({ pageParam, signal }) => readDeadLetters(subscription, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    enabled: count > 0,
    placeholderData: keepPreviousData,
  });
  const letters = count === 0 ? [] : (pages.data?.pages.flatMap((page) => page.dead) ?? []);
  const ids = letters.filter((letter) => marked.has(letter.id)).map((letter) => letter.id);

  const act = useMutation({
    mutationFn: ({ verb, ids: which }: Chosen) =>
      verb === 'replay' ? replayDead(subscription, which) : discardDead(subscription, which),
    onSuccess: async (done, { verb }) => {
      announce(`${plural(done, 'dead letter')} ${verb === 'replay' ? 'replayed' : 'discarded'}.`);
      setMarked(new Set());
      setChosen(null);
      await queries.invalidateQueries({ queryKey: subscriptionsQuery.queryKey });
    },
  });

  const mark = (id: string, on: boolean) => {
    const next = new Set(marked);
    if (on) next.add(id);
    else next.delete(id);
    setMarked(next);
  };
  const allMarked = letters.length > 0 && ids.length === letters.length;

  return (
    <Panel
      title="Dead letters"
      aside={
        count > 0 && (
          <div className="buttons">
            <button
              type="button"
              className="button button-small"
              onClick={() => setChosen({ verb: 'replay', ids: 'all' })}
            >
              Replay all
            </button>
            <button
              type="button"
              className="button button-small button-quiet-danger"
              onClick={() => setChosen({ verb: 'discard', ids: 'all' })}
            >
              Discard all
            </button>
          </div>
        )
      }
    >
      {count === 0 && (
        <Empty title="There are none.">
          <p>An item that fails too often comes here, with its reason, and blocks nobody.</p>
        </Empty>
      )}
      {count > 0 && pages.isPending && <Loading what="dead letters" />}
      {count > 0 && pages.isError && (
        <ErrorNotice error={pages.error} title="Reading dead letters failed" onRetry={() => void pages.refetch()} />
      )}
      {letters.length > 0 && (
        <>
          <div className="selection">
            <label className="check">
              <input
                type="checkbox"
                checked={allMarked}
                onChange={() => setMarked(new Set(allMarked ? [] : letters.map((letter) => letter.id)))}
              />
              Select all shown
            </label>
            {ids.length > 0 && (
              <div className="buttons">
                <button
                  type="button"
                  className="button button-small button-primary"
                  onClick={() => setChosen({ verb: 'replay', ids })}
                >
                  Replay {ids.length} selected
                </button>
                <button
                  type="button"
                  className="button button-small button-quiet-danger"
                  onClick={() => setChosen({ verb: 'discard', ids })}
                >
                  Discard {ids.length} selected
                </button>
              </div>
            )}
          </div>
          <ul className="items" aria-label="Dead letters">
            {letters.map((letter) => (
              <DeadLetterRow
                key={letter.id}
                letter={letter}
                marked={marked.has(letter.id)}
                onMark={(on) => mark(letter.id, on)}
              />
            ))}
          </ul>
          {pages.hasNextPage && (
            <div className="list-end">
              <button
                type="button"
                className="button"
                disabled={pages.isFetchingNextPage}
                onClick={() => void pages.fetchNextPage()}
              >
                {pages.isFetchingNextPage ? 'Loading…' : 'Load more'}
              </button>
            </div>
          )}
        </>
      )}
      {chosen && (
        <ConfirmDialog
          title={chosen.verb === 'replay' ? 'Replay dead letters' : 'Discard dead letters'}
          action={chosen.verb === 'replay' ? 'Replay' : 'Discard'}
          destructive={chosen.verb === 'discard'}
          pending={act.isPending}
          error={act.error}
          onConfirm={() => act.mutate(chosen)}
          onClose={() => {
            act.reset();
            setChosen(null);
          }}
        >
          <p>
            {chosen.ids === 'all' ? `All ${plural(count, 'dead letter')}` : plural(chosen.ids.length, 'dead letter')} of{' '}
            <strong>{subscription.name}</strong>{' '}
            {chosen.verb === 'replay'
              ? 'will be delivered again, with their attempts counted from the start.'
              : 'will be discarded. The items stay in the topic, but this subscription never sees them again.'}
          </p>
        </ConfirmDialog>
      )}
    </Panel>
  );
}
