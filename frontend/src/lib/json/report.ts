import type { Report } from '@/lib/api/types'
import { indent } from './indent'

/** Header and claims of a token, as they stand in it, without the token. */
export function reportJson(report: Report): string {
  return indent(`{"header":${report.headerJson},"claims":${report.claimsJson}}`)
}
