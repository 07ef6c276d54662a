import { make } from './fakeScenes'
import type { Server, SignIn } from './types'

/** A server that is being signed in to with a browser on another device. */
export function signingInByCode(now: number): Server {
  return make('tv', 'https://tv.example.com/mcp', 'signing_in', { signIn: byCode(now) })
}

export function byCode(now: number): SignIn {
  return {
    id: 'signin-1',
    startedAt: new Date(now).toISOString(),
    url: 'https://auth.example.com/device?user_code=WDJB-MJHT',
    browserOpened: false,
    code: 'WDJB-MJHT',
    endsAt: new Date(now + 599_000).toISOString(),
    qr: { size: 37, path },
    done: false,
    problem: null,
  }
}

/** What the agent draws of that address. */
const path =
  'M4 4h7v1h-7zM17 4h1v1h-1zM21 4h3v1h-3zM26 4h7v1h-7zM4 5h1v1h-1zM10 5h1v1h-1zM13 5h3v1h-3zM18 5h2v1h-2zM22 5h3v1h-3zM26 5h1v1h-1zM32 5h1v1h-1zM4 6h1v1h-1zM6 6h3v1h-3zM10 6h1v1h-1zM12 6h1v1h-1zM14 6h1v1h-1zM16 6h1v1h-1zM19 6h2v1h-2zM23 6h2v1h-2zM26 6h1v1h-1zM28 6h3v1h-3zM32 6h1v1h-1zM4 7h1v1h-1zM6 7h3v1h-3zM10 7h1v1h-1zM13 7h1v1h-1zM18 7h3v1h-3zM22 7h2v1h-2zM26 7h1v1h-1zM28 7h3v1h-3zM32 7h1v1h-1zM4 8h1v1h-1zM6 8h3v1h-3zM10 8h1v1h-1zM13 8h2v1h-2zM18 8h2v1h-2zM21 8h3v1h-3zM26 8h1v1h-1zM28 8h3v1h-3zM32 8h1v1h-1zM4 9h1v1h-1zM10 9h1v1h-1zM14 9h2v1h-2zM19 9h5v1h-5zM26 9h1v1h-1zM32 9h1v1h-1zM4 10h7v1h-7zM12 10h1v1h-1zM14 10h1v1h-1zM16 10h1v1h-1zM18 10h1v1h-1zM20 10h1v1h-1zM22 10h1v1h-1zM24 10h1v1h-1zM26 10h7v1h-7zM12 11h1v1h-1zM17 11h6v1h-6zM24 11h1v1h-1zM4 12h3v1h-3zM8 12h5v1h-5zM15 12h3v1h-3zM20 12h7v1h-7zM30 12h1v1h-1zM4 13h1v1h-1zM6 13h3v1h-3zM11 13h3v1h-3zM15 13h2v1h-2zM20 13h1v1h-1zM25 13h3v1h-3zM29 13h1v1h-1zM32 13h1v1h-1zM4 14h1v1h-1zM6 14h2v1h-2zM9 14h2v1h-2zM12 14h1v1h-1zM14 14h1v1h-1zM17 14h1v1h-1zM21 14h1v1h-1zM25 14h1v1h-1zM28 14h1v1h-1zM30 14h3v1h-3zM4 15h2v1h-2zM11 15h1v1h-1zM13 15h6v1h-6zM21 15h8v1h-8zM31 15h1v1h-1zM6 16h3v1h-3zM10 16h2v1h-2zM14 16h4v1h-4zM21 16h1v1h-1zM24 16h3v1h-3zM29 16h1v1h-1zM31 16h2v1h-2zM4 17h1v1h-1zM12 17h6v1h-6zM20 17h2v1h-2zM24 17h3v1h-3zM29 17h1v1h-1zM32 17h1v1h-1zM7 18h1v1h-1zM9 18h3v1h-3zM13 18h2v1h-2zM24 18h3v1h-3zM28 18h2v1h-2zM31 18h2v1h-2zM6 19h1v1h-1zM9 19h1v1h-1zM15 19h3v1h-3zM19 19h3v1h-3zM23 19h2v1h-2zM29 19h1v1h-1zM31 19h1v1h-1zM5 20h1v1h-1zM7 20h1v1h-1zM10 20h1v1h-1zM14 20h4v1h-4zM21 20h1v1h-1zM23 20h5v1h-5zM29 20h1v1h-1zM31 20h2v1h-2zM5 21h3v1h-3zM11 21h3v1h-3zM17 21h1v1h-1zM20 21h2v1h-2zM24 21h1v1h-1zM26 21h1v1h-1zM29 21h2v1h-2zM32 21h1v1h-1zM4 22h1v1h-1zM7 22h1v1h-1zM10 22h2v1h-2zM16 22h1v1h-1zM24 22h1v1h-1zM27 22h2v1h-2zM31 22h2v1h-2zM5 23h2v1h-2zM9 23h1v1h-1zM13 23h1v1h-1zM17 23h2v1h-2zM20 23h4v1h-4zM25 23h1v1h-1zM29 23h1v1h-1zM31 23h1v1h-1zM4 24h1v1h-1zM6 24h1v1h-1zM9 24h3v1h-3zM13 24h1v1h-1zM16 24h4v1h-4zM21 24h1v1h-1zM24 24h5v1h-5zM12 25h2v1h-2zM15 25h2v1h-2zM18 25h1v1h-1zM21 25h2v1h-2zM24 25h1v1h-1zM28 25h1v1h-1zM30 25h3v1h-3zM4 26h7v1h-7zM12 26h2v1h-2zM16 26h1v1h-1zM21 26h1v1h-1zM23 26h2v1h-2zM26 26h1v1h-1zM28 26h2v1h-2zM31 26h2v1h-2zM4 27h1v1h-1zM10 27h1v1h-1zM12 27h2v1h-2zM17 27h5v1h-5zM24 27h1v1h-1zM28 27h2v1h-2zM32 27h1v1h-1zM4 28h1v1h-1zM6 28h3v1h-3zM10 28h1v1h-1zM12 28h5v1h-5zM20 28h2v1h-2zM24 28h5v1h-5zM32 28h1v1h-1zM4 29h1v1h-1zM6 29h3v1h-3zM10 29h1v1h-1zM13 29h1v1h-1zM15 29h4v1h-4zM20 29h1v1h-1zM28 29h1v1h-1zM30 29h1v1h-1zM32 29h1v1h-1zM4 30h1v1h-1zM6 30h3v1h-3zM10 30h1v1h-1zM12 30h2v1h-2zM16 30h2v1h-2zM22 30h2v1h-2zM27 30h3v1h-3zM32 30h1v1h-1zM4 31h1v1h-1zM10 31h1v1h-1zM12 31h1v1h-1zM15 31h4v1h-4zM21 31h5v1h-5zM31 31h1v1h-1zM4 32h7v1h-7zM12 32h1v1h-1zM14 32h1v1h-1zM16 32h1v1h-1zM20 32h2v1h-2zM23 32h4v1h-4zM28 32h1v1h-1zM31 32h2v1h-2z'
