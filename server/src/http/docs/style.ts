/** The dress of /docs: light and dark as the reader's system is, and one column where there is no room for two. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#fff, #101218); --side: light-dark(#f7f7f9, #14171f); --raised: light-dark(#f6f7f9, #171b24);
  --ink: light-dark(#1a1d26, #e4e7ee); --soft: light-dark(#5a6172, #9aa3b5); --line: light-dark(#e4e6eb, #262b37);
  --accent: light-dark(#4338ca, #a5b4fc); --tint: light-dark(#eef0ff, #22264a);
  --query: light-dark(#0b62b8, #7cc0ff); --mutation: light-dark(#a24406, #ffb27a); --subscription: light-dark(#0b7048, #6fdcae);
  --text: light-dark(#0b6b4f, #8fdcb8); --word: light-dark(#7c3aad, #cfa6ff);
  font: 15px/1.6 system-ui, -apple-system, 'Segoe UI', Inter, sans-serif;
  scroll-padding-top: 1.5rem; background: var(--paper); color: var(--ink);
}
* { box-sizing: border-box }
body { margin: 0; display: grid; grid-template-columns: 17.5rem minmax(0, 1fr) }
a { color: var(--accent); text-decoration: none } a:hover { text-decoration: underline }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px }
code, pre, .mono { font-family: ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, monospace; font-size: .86em }
code { background: var(--raised); border-radius: 4px; padding: .1em .3em; overflow-wrap: anywhere }
h1, h2, h3, h4, p, ul, dl, figure { margin: 0 }
.skip { position: absolute; left: -99rem } .skip:focus { left: 1rem; top: 1rem; background: var(--paper); padding: .5rem 1rem; z-index: 9 }

.side { position: sticky; top: 0; height: 100vh; overflow-y: auto; background: var(--side); border-right: 1px solid var(--line); padding: 1.3rem 1rem 3rem; scrollbar-width: thin }
.side summary { display: none }
.brand { display: flex; align-items: baseline; gap: .5rem; padding: 0 .5rem; font-weight: 650; font-size: 1.1rem; color: var(--ink) }
.brand small { font-weight: 400; color: var(--soft); font-size: .8rem }
.side input { width: 100%; font: inherit; font-size: .9rem; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: .42rem .7rem; margin: 1rem 0 .4rem; position: sticky; top: 0; box-shadow: 0 0 0 .6rem var(--side) }
.side input::placeholder { color: var(--soft); opacity: 1 }
.side h2 { font-size: .75rem; font-weight: 650; letter-spacing: .07em; text-transform: uppercase; color: var(--soft); margin: 1.3rem 0 .3rem; padding: 0 .5rem }
.side h3 { font-size: .82rem; font-weight: 500; color: var(--soft); margin: .55rem 0 .1rem; padding: 0 .5rem }
.side ul { list-style: none; padding: 0 }
.side li a { display: flex; align-items: center; gap: .55rem; padding: .2rem .5rem; border-radius: 6px; color: var(--ink); font-size: .9rem }
.side .noun li a { padding-left: 1.1rem }
.side li a:hover { background: var(--line); text-decoration: none }
.side li a[aria-current] { background: var(--tint); color: var(--accent); font-weight: 550 }
.dot { flex: none; width: .5rem; height: .5rem; border-radius: 50%; background: currentColor }
.none { color: var(--soft); padding: .5rem; font-size: .9rem }

main { padding: 2.6rem clamp(1.1rem, 4vw, 3.5rem) 6rem; max-width: 84rem; min-width: 0 }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -.02em; margin-bottom: .6rem }
main h2 { font-size: 1.45rem; letter-spacing: -.015em; line-height: 1.25; text-transform: capitalize }
main h3 { font-size: 1.05rem; text-transform: capitalize; color: var(--soft); font-weight: 550 }
main p { max-width: 44rem } p + p, ul + p { margin-top: .7rem }
.lead { font-size: 1.1rem; color: var(--soft) }
.service { margin-top: 4.5rem; padding-top: 2.2rem; border-top: 2px solid var(--line) }
.service > p { margin-top: .3rem; color: var(--soft) }
.noun-title { margin-top: 3rem }
.part { margin-top: 2.2rem } .part > h2 { font-size: 1.1rem; text-transform: none; margin-bottom: .4rem }

article { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.1rem 2.6rem; padding: 2rem 0; border-bottom: 1px solid var(--line) }
article > header { display: flex; flex-wrap: wrap; align-items: center; gap: .45rem .7rem }
article h4 { font-size: 1.12rem; font-weight: 500; overflow-wrap: anywhere; line-height: 1.3 }
article h4 a { color: inherit } article h4 span { color: var(--soft) } article h4 b { font-weight: 650 }
.kind { font-size: .75rem; font-weight: 600; border: 1px solid currentColor; border-radius: 99px; padding: .05rem .55rem }
.query { color: var(--query) } .mutation { color: var(--mutation) } .subscription { color: var(--subscription) }
.marks { display: flex; flex-wrap: wrap; gap: .4rem; list-style: none; padding: 0; margin-top: .8rem }
.marks li { font-size: .8rem; background: var(--raised); border: 1px solid var(--line); color: var(--soft); border-radius: 6px; padding: .08rem .5rem }
.marks li:first-child { color: var(--accent); background: var(--tint); border-color: transparent }
.label { font-size: .75rem; font-weight: 650; letter-spacing: .07em; text-transform: uppercase; color: var(--soft); margin: 1.5rem 0 .2rem }
.label a { text-transform: none; letter-spacing: 0; font-weight: 500 }
.fields { margin: 0 } .fields > div { padding: .5rem 0; border-top: 1px solid var(--line) } .fields > div:first-child { border-top: 0 }
.fields dt { display: flex; flex-wrap: wrap; gap: .1rem .6rem; align-items: baseline }
.fields dt b { font-weight: 600 } .fields dt .type { color: var(--soft); overflow-wrap: anywhere }
.fields dt em { font-style: normal; font-size: .78rem; color: var(--soft) } .fields dt em.need { color: var(--mutation) }
.fields dd { margin: 0; color: var(--soft); font-size: .92rem; max-width: 44rem }
.nothing { color: var(--soft) } .union { list-style: none; padding: 0 } .union li { padding: .3rem 0 .3rem 1.2rem; text-indent: -1.2rem; overflow-wrap: anywhere } .union li::before { content: '| '; color: var(--soft) }
.codes { list-style: none; padding: 0 } .codes li { display: grid; grid-template-columns: 2.6rem minmax(0, 1fr); padding: .28rem 0; font-size: .92rem }
.codes .status { color: var(--soft); font-variant-numeric: tabular-nums } .codes span.when { color: var(--soft) }
details.more summary { cursor: pointer; color: var(--soft); font-size: .88rem; padding: .3rem 0 } details.more summary:hover { color: var(--accent) }
figure { border: 1px solid var(--line); border-radius: 10px; background: var(--raised); margin-bottom: .8rem; overflow: hidden; position: relative }
figcaption { display: flex; align-items: center; justify-content: space-between; min-height: 2.1rem; font-size: .78rem; color: var(--soft); padding: 0 .4rem 0 .9rem; border-bottom: 1px solid var(--line) }
figcaption button { font: inherit; color: var(--soft); background: none; border: 0; border-radius: 6px; padding: .15rem .5rem; cursor: pointer } figcaption button:hover { color: var(--accent) }
pre { margin: 0; padding: .75rem .9rem; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.55; max-height: 26rem; scrollbar-width: thin }
pre code { padding: 0; background: none; font-size: 1em; }
.part figure { margin-top: .9rem; max-width: 44rem }
.s { color: var(--text) } .k { color: var(--word) }
table { border-collapse: collapse; width: 100%; font-size: .92rem; margin-top: .8rem } th { text-align: left; color: var(--soft); font-weight: 550; font-size: .8rem }
th, td { padding: .45rem .8rem .45rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
.type-card { padding: 1.2rem 0; border-bottom: 1px solid var(--line) } .type-card h4 { font-size: 1rem; font-weight: 600 }
:target > header h4, .type-card:target h4 { color: var(--accent) }

@media (min-width: 72rem) {
  article { grid-template-columns: minmax(0, 1fr) minmax(0, 27rem) }
  article > header { grid-column: 1 / -1 }
  .samples { position: sticky; top: 1.5rem; align-self: start }
}
@media (max-width: 52rem) {
  :root { scroll-padding-top: 4.2rem }
  body { display: block }
  .side { height: auto; max-height: 100vh; z-index: 5; padding: 0 1.1rem; border-right: 0; border-bottom: 1px solid var(--line) }
  .side summary { display: flex; align-items: center; justify-content: space-between; height: 3.3rem; cursor: pointer; font-weight: 650; list-style: none }
  .side summary::-webkit-details-marker { display: none } .side summary span { font-weight: 500; font-size: .9rem; color: var(--accent) }
  .side details[open] { padding-bottom: 1.5rem } .side .brand { display: none } .side input { margin-top: .2rem; font-size: 16px }
  .side li a { padding-top: .4rem; padding-bottom: .4rem }
  main { padding-top: 1.6rem } .wide { overflow-x: auto }
}
@media print { .side, figcaption button { display: none } body { display: block } pre { white-space: pre-wrap; max-height: none } }
`
