/** The output of a subscription: a stream of tracked events, each validated. */
import { isTrackedEnvelope, tracked, type TrackedEnvelope } from '@trpc/server'
import type { z } from 'zod'

/** What `.output()` of a subscription takes. */
export interface StreamOf<S extends z.ZodType> {
  readonly _input: AsyncIterable<TrackedEnvelope<z.input<S>>>
  readonly _output: AsyncIterable<TrackedEnvelope<z.output<S>>>
  /** The schema of one event. */
  readonly item: S
  parse(stream: unknown): AsyncIterable<TrackedEnvelope<z.output<S>>>
}

/** Gives the output schema of a subscription that yields `tracked(position, event)`. An event that does not fit ends the stream as a fault of ours. */
export function streamOf<S extends z.ZodType>(item: S): StreamOf<S> {
  const schema: Pick<StreamOf<S>, 'item' | 'parse'> = { item, parse: (stream) => validated(item, stream as AsyncIterable<unknown>) }
  // tRPC reads _input and _output as types alone.
  return schema as StreamOf<S>
}

async function* validated<S extends z.ZodType>(
  item: S,
  stream: AsyncIterable<unknown>,
): AsyncGenerator<TrackedEnvelope<z.output<S>>, void> {
  for await (const event of stream) {
    if (!isTrackedEnvelope(event)) throw new TypeError('a subscription yields tracked(position, event)')
    yield tracked(event[0], item.parse(event[1]))
  }
}
