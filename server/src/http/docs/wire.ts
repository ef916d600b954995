/** How the wire works, once for all procedures. */
export const WIRE = `Every procedure of Plinth over HTTP, as tRPC 11 carries it. From TypeScript, use the typed client \`@plinth/client\` instead.

**Calls.** A query is \`GET /trpc/<procedure>?input=<JSON>\`, a mutation \`POST /trpc/<procedure>\` with \`content-type: application/json\`, a subscription a \`GET\` that answers with \`text/event-stream\`.

**Values** travel in SuperJSON's envelope \`{ "json": …, "meta": … }\`. \`json\` is plain JSON. Where a value is of a kind that JSON has not (\`x-superjson\` in its schema: \`Date\`, \`bigint\`, \`undefined\`), \`meta.values\` names its place: \`{ "values": { "createdAt": ["Date"] }, "v": 1 }\`; the parts of a place are joined by dots, and a value that is the whole stands as \`"values": ["Date"]\`. A caller may ignore \`meta\` of an answer, and must send it for such a value of an input.

**Success** is \`{ "result": { "data": <envelope> } }\`, **an error** \`{ "error": <envelope> }\` with its HTTP status. Switch over \`error.json.data.code\`; what \`details\` hold follows from the code.

**Exactly once.** A mutation with the header \`idempotency-key\` has its effect once: the same key with the same input gives the first answer again for 24 hours, with another input \`CONFLICT\`. Who is not signed in sends \`x-plinth-device\` with it.

**Batches.** Up to ten calls of one kind travel as \`/trpc/a,b?batch=1\`; their inputs are one object by index (\`{ "0": <envelope>, "1": <envelope> }\`), the answers a list, the idempotency keys a list with commas and \`-\` for none. They are not listed below.

**Who is calling** is said by the session's cookie or by a bearer token, never by both. A request with the cookie must come from a page of this server or of an origin that it allows.`
