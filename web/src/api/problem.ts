/** What the server answers when it refuses: RFC 9457 problem details and Databus' own members. */
interface ProblemDetails {
  type?: string;
  title?: string;
  detail?: string;
  error?: string;
  field?: string;
  limit?: number | string;
}

/** A request that did not succeed, with one sentence that can be shown to a person. */
export class Problem extends Error {
  /** 0 when there was no answer at all. */
  readonly status: number;
  readonly field: string | undefined;
  readonly limit: string | undefined;
  /** Seconds the server asks to wait before the next try. */
  readonly retryAfter: number | undefined;

  constructor(
    sentence: string,
    status: number,
    more: { field?: string | undefined; limit?: string | undefined; retryAfter?: number | undefined } = {},
  ) {
    super(sentence);
    this.name = 'Problem';
    this.status = status;
    this.field = more.field;
    this.limit = more.limit;
    this.retryAfter = more.retryAfter;
  }

  static unreachable(): Problem {
    return new Problem('The server does not answer.', 0);
  }

  static async fromResponse(response: Response): Promise<Problem> {
    const details = await readDetails(response);
    const sentence =
      firstText(details.error, details.detail, details.title) ??
      `The server answered ${response.status}${response.statusText ? ` ${response.statusText}` : ''}.`;
    const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN);
    return new Problem(sentence, response.status, {
      field: firstText(details.field),
      limit: details.limit === undefined ? undefined : String(details.limit),
      retryAfter: Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined,
    });
  }
}

async function readDetails(response: Response): Promise<ProblemDetails> {
  if (!(response.headers.get('Content-Type') ?? '').includes('json')) return {};
  try {
    const body: unknown = await response.json();
    return typeof body === 'object' && body !== null ? body : {};
  } catch {
    // A body that is cut off or is not what its type says: the status still tells enough.
    return {};
  }
}

function firstText(...candidates: unknown[]): string | undefined {
  return candidates.find((c): c is string => typeof c === 'string' && c.trim() !== '');
}
