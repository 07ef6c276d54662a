/** Where the person is: a screen, and what of it is open, "" for its first page. */
export interface Route {
  /** An id of screens.ts. */
  readonly screen: string
  readonly detail: string
}

/** What the window shows. It lives in memory: each window begins at the servers. */
export class Router {
  route = $state.raw<Route>({ screen: 'servers', detail: '' })
  /** What the page that was left had open; it may want the focus back there. */
  left = ''

  go(screen: string, detail = '') {
    this.left = this.route.screen === screen ? this.route.detail : ''
    this.route = { screen, detail }
  }
}
