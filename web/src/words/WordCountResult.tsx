import { CopyButton } from '../ui/CopyButton';
import { formatCount } from '../ui/format';
import { Panel } from '../ui/Panel';
import type { WordCount } from './wordCount';
import { WordChart } from './WordChart';

const languages = new Intl.DisplayNames('en', { type: 'language', fallback: 'code' });

export function WordCountResult({ words }: { words: WordCount }) {
  const language = words.language ?? undefined;
  return (
    <>
      <Panel title="Page" aside={<CopyButton what="JSON" text={() => JSON.stringify(words, null, 2)} />}>
        <dl className="facts">
          <div className="facts-wide">
            <dt>Title</dt>
            <dd dir="auto" lang={language}>
              {words.title ?? <span className="quiet">none</span>}
            </dd>
          </div>
          <div className="facts-wide">
            <dt>Address</dt>
            <dd className="fact-long">
              <PageAddress url={words.url} />
            </dd>
          </div>
          <div>
            <dt>Words</dt>
            <dd>{formatCount(words.total)}</dd>
          </div>
          <div>
            <dt>Different words</dt>
            <dd>{formatCount(words.distinct)}</dd>
          </div>
          <div>
            <dt>Stop words</dt>
            <dd>{language === undefined ? <span className="quiet">none known</span> : nameOf(language)}</dd>
          </div>
        </dl>
      </Panel>
      <div className="columns">
        {language !== undefined && (
          <WordChart title="Without stop words" words={words.topWithoutStopWords} language={language} />
        )}
        <WordChart title="All words" words={words.top} language={language} />
      </div>
    </>
  );
}

/** A link when it leads to the web. The address is what a job says, so anything else stays text. */
function PageAddress({ url }: { url: string }) {
  if (!/^https?:\/\//i.test(url)) return url;
  return (
    <a href={url} target="_blank" rel="noopener noreferrer">
      {url}
    </a>
  );
}

/** "German" for "de". */
function nameOf(language: string): string {
  try {
    return languages.of(language) ?? language;
  } catch {
    return language;
  }
}
