import { useState } from 'react';
import { formatCount } from '../ui/format';
import { Panel } from '../ui/Panel';
import type { CountedWord } from './wordCount';

const shownAtFirst = 20;

interface WordChartProps {
  title: string;
  /** The most frequent first. */
  words: readonly CountedWord[];
  /** Of the text; undefined: the page names none. */
  language: string | undefined;
}

/** A bar for each word. It is a table, so that it is read out as well as seen. */
export function WordChart({ title, words, language }: WordChartProps) {
  const [all, setAll] = useState(false);
  const most = words[0]?.count ?? 1;
  const shown = all ? words : words.slice(0, shownAtFirst);
  return (
    <Panel title={title}>
      {words.length === 0 ? (
        <p className="quiet">There is none.</p>
      ) : (
        <table className="word-chart">
          <caption className="visually-hidden">{title}, with how often each occurs</caption>
          <thead className="visually-hidden">
            <tr>
              <th scope="col">Word</th>
              <th scope="col">Count</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(({ word, count }) => (
              <tr key={word}>
                <th scope="row" lang={language}>
                  <bdi>{word}</bdi>
                </th>
                <td>
                  <span className="word-count">
                    <svg className="word-bar" aria-hidden="true" focusable="false">
                      <rect width={`${(count / most) * 100}%`} height="100%" rx="3" />
                    </svg>
                    {formatCount(count)}
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {words.length > shownAtFirst && (
        <div className="list-end">
          <button type="button" className="button button-small" onClick={() => setAll(!all)}>
            {all ? `Show the first ${shownAtFirst}` : `Show all ${formatCount(words.length)}`}
          </button>
        </div>
      )}
    </Panel>
  );
}
