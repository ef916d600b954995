/** What /docs does beside being read: finding, knowing where one is, and copying. Everything is there without it. */
export const SCRIPT = `
const side = document.querySelector('.side details'), find = document.querySelector('#find'), none = document.querySelector('.none')
const links = [...document.querySelectorAll('.side li a')]
const narrow = matchMedia('(max-width: 52rem)')
const fit = () => { side.open = !narrow.matches }
fit()
narrow.addEventListener('change', fit)
side.addEventListener('click', (event) => { if (narrow.matches && event.target.closest('li a')) side.open = false })

const search = () => {
  const words = find.value.toLowerCase().split(/\\s+/).filter(Boolean)
  for (const link of links) link.parentElement.hidden = !words.every((word) => link.dataset.text.includes(word))
  for (const group of document.querySelectorAll('.side section, .side .noun')) group.hidden = !group.querySelector('li:not([hidden])')
  none.hidden = links.some((link) => !link.parentElement.hidden)
}
find.addEventListener('input', search)
find.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') { find.value = ''; search(); find.blur() }
  if (event.key === 'Enter') links.find((link) => !link.parentElement.hidden)?.click()
})
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.target.closest('input')) return
  event.preventDefault()
  side.open = true
  find.focus()
})

const byId = new Map(links.map((link) => [decodeURIComponent(link.hash.slice(1)), link]))
const shown = new Set()
const watch = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) shown[isIntersecting ? 'add' : 'delete'](target.id)
  const here = [...byId.keys()].find((id) => shown.has(id))
  if (here === undefined) return
  for (const [id, link] of byId) id === here ? link.setAttribute('aria-current', 'true') : link.removeAttribute('aria-current')
  if (!narrow.matches) byId.get(here).scrollIntoView({ block: 'nearest', behavior: 'instant' })
}, { rootMargin: '-10% 0px -60%' })
for (const id of byId.keys()) watch.observe(document.getElementById(id))

for (const figure of document.querySelectorAll('figure')) {
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = 'Copy'
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(figure.querySelector('pre').textContent)
    button.textContent = 'Copied'
    setTimeout(() => { button.textContent = 'Copy' }, 1500)
  })
  if (navigator.clipboard) figure.querySelector('figcaption').append(button)
}
`
