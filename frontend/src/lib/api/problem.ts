import type { control } from '@/wailsjs/go/models'

/** A failure as a person reads it: what happened and what to do. */
export type Problem = control.Problem

/** A Problem that was thrown. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  constructor(readonly problem: Problem) {
    super(problem.what)
  }
}

/** The Problem in whatever was thrown. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof ApiError) return thrown.problem
  if (isProblem(thrown)) return { code: thrown.code, what: thrown.what, next: thrown.next }
  const what = thrown instanceof Error ? thrown.message : String(thrown)
  return { code: 'internal', what, next: '' }
}

function isProblem(thrown: unknown): thrown is Problem {
  return (
    typeof thrown === 'object' &&
    thrown !== null &&
    typeof (thrown as Partial<Problem>).code === 'string' &&
    typeof (thrown as Partial<Problem>).what === 'string' &&
    typeof (thrown as Partial<Problem>).next === 'string'
  )
}
