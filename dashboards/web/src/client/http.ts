/** Speaks with the API by the session cookie; every failure becomes one ApiError. */

export class ApiError extends Error {
  constructor(
    /** HTTP status, or 0 when the server could not be reached. */
    readonly status: number,
    message: string,
    /** What in the request is at fault, "" when nothing in it is. */
    readonly field = "",
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** The message without the field, for where its place tells that already. */
  get problem(): string {
    const path = `${this.field}: `;
    const rest = this.message.startsWith(path) ? this.message.slice(path.length) : this.message;
    return rest.charAt(0).toUpperCase() + rest.slice(1);
  }
}

async function refusalOf(response: Response): Promise<ApiError> {
  const told = `The server answered ${response.status}.`;
  try {
    const body = (await response.json()) as { error?: { message?: string; field?: string } };
    return new ApiError(response.status, body.error?.message ?? told, body.error?.field ?? "");
  } catch {
    return new ApiError(response.status, told);
  }
}

async function ask(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...init });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new ApiError(0, "CampaignIQ does not answer.");
  }
  if (!response.ok) throw await refusalOf(response);
  return response;
}

const JSON_TYPE = "application/json";

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await ask(path, { headers: { accept: JSON_TYPE }, signal: signal ?? null });
  return (await response.json()) as T;
}

export async function getText(path: string, signal?: AbortSignal): Promise<string> {
  return await (await ask(path, { signal: signal ?? null })).text();
}

/** `body` is the JSON text itself where numbers must stay as they were written. */
export async function sendJson<T>(
  method: "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  body: object | string,
  signal?: AbortSignal,
): Promise<T> {
  const response = await ask(path, {
    method,
    headers: { accept: JSON_TYPE, "content-type": JSON_TYPE },
    body: typeof body === "string" ? body : JSON.stringify(body),
    signal: signal ?? null,
  });
  return (response.status === 204 ? null : await response.json()) as T;
}

/** What a failure says, whatever was thrown. */
export const asApiError = (error: unknown): ApiError =>
  error instanceof ApiError ? error : new ApiError(0, String(error));

/** Builds `path?a=b`, leaving out empty values. */
export function withParams(path: string, params: Record<string, string | number | undefined>): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    if (value !== undefined && value !== "") query.set(key, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}
