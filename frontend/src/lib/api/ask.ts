import { ApiError, problemOf } from './problem'

/** Calls Go; what it rejects with becomes an ApiError. */
export async function ask<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (thrown) {
    throw new ApiError(problemOf(unpacked(thrown)))
  }
}

/** Go's Problem travels as JSON in the message of an Error; see formatError in app.go. */
function unpacked(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || !thrown.message.startsWith('{')) return thrown
  try {
    return JSON.parse(thrown.message)
  } catch {
    return thrown
  }
}

/** Go's nil slices arrive as null, whatever the generated types say. */
export function list<T>(raw: T[] | null | undefined): T[] {
  return raw ?? []
}
