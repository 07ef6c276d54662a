import * as app from '@/wailsjs/go/main/App'
import { EventsOn } from '@/wailsjs/runtime/runtime'
import type { ActivityApi, ActivityChange } from './activity'
import { ask } from './ask'

interface RawEvent extends Omit<ActivityChange, 'calls' | 'sessions' | 'renewals'> {
  feed: number
  calls: ActivityChange['calls'] | null
  sessions: ActivityChange['sessions'] | undefined
  renewals: ActivityChange['renewals'] | undefined
}

export function activityBridge(): ActivityApi {
  return {
    follow(listener) {
      let feed: number | null = null
      let early: RawEvent[] = []
      const take = (event: RawEvent) => {
        if (event.feed === feed)
          listener({
            ...event,
            sessions: event.sessions ?? null,
            renewals: event.renewals ?? null,
            calls: event.calls ?? [],
          })
      }
      // Name as in app_activity.go. What comes before the number of the feed is known waits for it.
      const end = EventsOn('activity', (event: RawEvent) => {
        if (feed === null) early.push(event)
        else take(event)
      })
      void ask(() => app.FollowActivity()).then(
        (number) => {
          feed = number
          early.forEach(take)
          early = []
        },
        () => undefined, // the window is closing
      )
      return end
    },
    capture: (session, on) => ask(() => app.Capture(session, on)),
    captured: (seq) => ask(() => app.Captured(seq)),
    export: (format, seqs) => ask(() => app.ExportActivity(format, seqs)),
  }
}
