import { keepConnected, type StreamState } from './connection';
import { isNewer, readItemsAfter, type Item } from './itemService';

/*
 * Follows one topic in one tab, so that every item after the cursor is reported once, in order.
 *
 * A browser allows six HTTP/1.1 connections per host, over all tabs, and a stream holds one of
 * them. So the tabs that show the same topic elect a leader with a web lock; it alone holds a
 * stream and passes each item on over a broadcast channel.
 *
 * Nothing relies on the channel to be complete. Each message names the id before the item, or
 * where the leader stands: a tab that finds a gap reads the missing items over HTTP. What comes
 * twice is recognised by its id and dropped.
 *
 * A hidden tab gives its stream up after a while and reads what it missed when it is shown
 * again. That also bounds the number of streams where there are no web locks (plain HTTP from
 * another machine): then each visible tab holds its own.
 */

interface FollowerOptions {
  topic: string;
  /** The id after which items are reported. */
  after: string;
  onItems: (items: readonly Item[]) => void;
  onState: (state: StreamState) => void;
  /** Too much came to read it item by item. The follower has closed itself: start again from the newest. */
  onFarBehind: () => void;
}

type Message =
  | { kind: 'item'; before: string; item: Item }
  | { kind: 'stand'; cursor: string; state: StreamState }
  | { kind: 'hello' };

const pageSize = 200;
const pagesAtMost = 5;
const hiddenMilliseconds = 30_000;
/** A leader speaks at least every 15 s. One that is silent for this long has been stopped. */
const leaderSilenceMilliseconds = 60_000;

export class TopicFollower {
  readonly #options: FollowerOptions;
  readonly #channel: BroadcastChannel | null;
  readonly #closed = new AbortController();
  #cursor: string;
  #state: StreamState = { name: 'connecting', problem: null };
  /** Present while this tab leads or waits to lead. */
  #candidacy: AbortController | null = null;
  #leading = false;
  #heardAt = Date.now();
  #hiddenTimer: ReturnType<typeof setTimeout> | undefined;
  #catchingUp: Promise<void> | null = null;
  #catchUpAgain = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#cursor = options.after;
    this.#channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel(this.#sharedName) : null;
    this.#channel?.addEventListener('message', this.#onMessage);
    document.addEventListener('visibilitychange', this.#onVisibility);
    const watch = setInterval(() => this.#replaceSilentLeader(), leaderSilenceMilliseconds / 6);
    this.#closed.signal.addEventListener('abort', () => clearInterval(watch));
    this.#tell({ kind: 'hello' });
    this.#stand();
  }

  close(): void {
    this.#closed.abort();
    clearTimeout(this.#hiddenTimer);
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#withdraw();
    this.#channel?.close();
  }

  get #sharedName(): string {
    return `databus.topic.${this.#options.topic}`;
  }

  /** Becomes a candidate for leading; leads at once where there is nobody to share with. */
  #stand(steal = false): void {
    if (this.#candidacy !== null || this.#closed.signal.aborted) return;
    const candidacy = new AbortController();
    this.#candidacy = candidacy;
    this.#heardAt = Date.now();
    const locks = this.#channel === null ? undefined : lockManager();
    if (locks === undefined) {
      void this.#lead(candidacy.signal);
      return;
    }
    // A request that steals can neither wait nor be withdrawn: the API refuses a signal with it.
    const options = steal ? { steal } : { signal: candidacy.signal };
    locks
      .request(this.#sharedName, options, () => this.#lead(candidacy.signal))
      .catch(() => {
        // Withdrawn, or another tab took the lead because this one was silent.
        if (this.#candidacy !== candidacy) return;
        this.#withdraw();
        if (document.visibilityState === 'visible') this.#stand();
      });
  }

  #withdraw(): void {
    this.#candidacy?.abort();
    this.#candidacy = null;
    this.#leading = false;
  }

  async #lead(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.#leading = true;
    await keepConnected({
      topic: this.#options.topic,
      signal,
      cursor: async () => {
        await this.#catchUp(signal);
        return this.#cursor;
      },
      onItem: (item) => {
        const before = this.#cursor;
        if (!isNewer(item.id, before)) return;
        this.#report([item]);
        this.#tell({ kind: 'item', before, item });
      },
      onState: (state) => {
        this.#setState(state);
        this.#tellStand();
      },
      onAlive: () => {
        if (Date.now() - this.#heardAt < 5000) return;
        this.#heardAt = Date.now();
        this.#tellStand();
      },
    });
  }

  readonly #onMessage = ({ data }: MessageEvent<Message>): void => {
    if (data.kind === 'hello') {
      if (this.#leading) this.#tellStand();
      return;
    }
    this.#heardAt = Date.now();
    if (this.#leading) return;
    if (data.kind === 'stand') {
      if (!document.hidden) this.#setState(data.state);
      if (isNewer(data.cursor, this.#cursor)) this.#catchUpQuietly();
    } else if (isNewer(data.before, this.#cursor)) {
      this.#catchUpQuietly();
    } else if (isNewer(data.item.id, this.#cursor)) {
      this.#report([data.item]);
    }
  };

  readonly #onVisibility = (): void => {
    clearTimeout(this.#hiddenTimer);
    if (document.visibilityState === 'hidden') {
      this.#hiddenTimer = setTimeout(() => this.#withdraw(), hiddenMilliseconds);
      return;
    }
    if (this.#candidacy !== null) return;
    this.#setState({ name: 'connecting', problem: null });
    this.#catchUpQuietly();
    this.#tell({ kind: 'hello' });
    this.#stand();
  };

  #replaceSilentLeader(): void {
    const waiting = this.#candidacy !== null && !this.#leading;
    if (!waiting || document.hidden || Date.now() - this.#heardAt < leaderSilenceMilliseconds) return;
    this.#withdraw();
    this.#stand(true);
  }

  #catchUpQuietly(): void {
    this.#catchUp(this.#closed.signal).catch(() => {
      // The next message of the leader finds the same gap and tries again.
    });
  }

  /** Reads what lies after the cursor; one run at a time, again when a gap was found meanwhile. */
  #catchUp(signal: AbortSignal): Promise<void> {
    if (this.#catchingUp !== null) {
      this.#catchUpAgain = true;
      return this.#catchingUp;
    }
    this.#catchingUp = this.#readMissing(signal).finally(() => {
      this.#catchingUp = null;
    });
    return this.#catchingUp;
  }

  async #readMissing(signal: AbortSignal): Promise<void> {
    for (let page = 0; page < pagesAtMost; page++) {
      this.#catchUpAgain = false;
      const { items } = await readItemsAfter(this.#options.topic, this.#cursor, pageSize, signal);
      this.#report(items.filter((item) => isNewer(item.id, this.#cursor)));
      if (items.length < pageSize && !this.#needsAnotherPage()) return;
    }
    if (this.#closed.signal.aborted) return;
    this.close();
    this.#options.onFarBehind();
  }

  // Read through a method: a message changes it while a page is on its way.
  #needsAnotherPage(): boolean {
    return this.#catchUpAgain;
  }

  #report(items: readonly Item[]): void {
    const newest = items.at(-1);
    if (newest === undefined || this.#closed.signal.aborted) return;
    this.#cursor = newest.id;
    this.#options.onItems(items);
  }

  #setState(state: StreamState): void {
    this.#state = state;
    if (!this.#closed.signal.aborted) this.#options.onState(state);
  }

  #tellStand(): void {
    this.#tell({ kind: 'stand', cursor: this.#cursor, state: this.#state });
  }

  #tell(message: Message): void {
    if (!this.#closed.signal.aborted) this.#channel?.postMessage(message);
  }
}

// The type says that it is always there; outside a secure context it is not.
function lockManager(): LockManager | undefined {
  return (navigator as { locks?: LockManager }).locks;
}
