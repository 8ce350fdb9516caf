/** Calls to the API, and the problems they answer (RFC 9457). */

export interface PointedError {
  /** JSON pointer into the request (RFC 6901). */
  pointer: string;
  code: string;
  detail?: string;
}

interface ProblemBody {
  type?: string;
  title?: string;
  detail?: string;
  errors?: PointedError[];
  retryAfter?: number;
  attemptsLeft?: number;
  /** Characters that a password needs. */
  minLength?: number;
  reason?: string | null;
  opensAt?: string | null;
  closesAt?: string | null;
  zone?: string | null;
  requestId?: string;
  /** Why a portal sends no codes for a while. */
  pause?: string;
}

/** A refusal of the server, or `offline`: no answer came at all. */
export class Problem extends Error {
  constructor(
    /** Last part of `type`: the stable name. */
    readonly kind: string,
    readonly status: number,
    readonly body: ProblemBody = {},
    /** Seconds until another try makes sense. */
    readonly retryAfter?: number,
  ) {
    super(kind);
  }
}

/** Long enough for a bad line, short enough that nobody stares at a spinner. */
const PATIENCE_MILLISECONDS = 20_000;

export async function ask<Answer>(method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<Answer> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), PATIENCE_MILLISECONDS);
  try {
    const response = await fetch(path, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      headers: {
        "Accept-Language": document.documentElement.lang,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: stop.signal,
    });
    const text = await response.text();
    if (!response.ok) throw problemOf(response, text);
    return (text ? JSON.parse(text) : undefined) as Answer;
  } catch (failure) {
    // fetch rejects, and an answer cut short fails to parse: either way nothing usable came.
    throw failure instanceof Problem ? failure : new Problem("offline", 0);
  } finally {
    clearTimeout(timer);
  }
}

function problemOf(response: Response, text: string): Problem {
  let body: ProblemBody = {};
  try {
    body = JSON.parse(text) as ProblemBody;
  } catch {
    // Not ours: an answer of something in between. The status and the request id are all there is.
  }
  const header = response.headers;
  const requestId = body.requestId ?? header.get("x-request-id") ?? header.get("apigw-requestid");
  const retryAfter = body.retryAfter ?? (Number(header.get("retry-after")) || undefined);
  const kind = body.type?.split("/").pop() || "unknown";
  return new Problem(kind, response.status, requestId ? { ...body, requestId } : body, retryAfter);
}

/** Puts a file where the server told to put it: a form whose last field is the file (presigned POST). */
export async function upload(url: string, fields: Record<string, string>, file: Blob): Promise<void> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file);
  let response: Response;
  try {
    response = await fetch(url, { method: "POST", body: form, credentials: "omit" });
  } catch {
    throw new Problem("offline", 0);
  }
  if (!response.ok) throw new Problem("unknown", response.status);
}
