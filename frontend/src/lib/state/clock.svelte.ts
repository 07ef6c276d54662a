/** The time, to the second. It stands still while nobody can see it. */
export class Clock {
  now = $state(Date.now())

  #timer: ReturnType<typeof setTimeout> | undefined

  /** Ticks until the returned function is called. */
  start(): () => void {
    const resume = () => {
      clearTimeout(this.#timer)
      if (!document.hidden) this.#tick()
    }
    document.addEventListener('visibilitychange', resume)
    resume()
    return () => {
      clearTimeout(this.#timer)
      document.removeEventListener('visibilitychange', resume)
    }
  }

  #tick() {
    // What is read back would make whoever starts the clock depend on each of its steps.
    const now = Date.now()
    this.now = now
    // On the full second, so that all countdowns step together.
    this.#timer = setTimeout(() => this.#tick(), 1000 - (now % 1000))
  }
}
