// Runs http-cache-tests against one address and holds the outcome against RESULTS.md beside this file:
// a required test that fails must be listed there with its reason, and what is listed must fail.
//   node judge.mjs <folder of the package> <address> [id of one test]
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder, address, only] = process.argv.slice(2)
const load = file => import(pathToFileURL(join(folder, file)))
const fetch = createRequire(join(folder, 'package.json'))('node-fetch')
const { runTests, getResults } = await load('client/runner.mjs')
const suites = [...(await load('tests/index.mjs')).default, (await load('tests/surrogate-control.mjs')).default]

// A route is looked up from its first answer on that may be stored: the suite's own first one must find it so.
const first = 'learning'
const send = (path, init) => fetch(`${address}${path}`, init)
await send(`/config/${first}`, {
  method: 'PUT',
  body: JSON.stringify([{ id: first, response_headers: [['Cache-Control', 'max-age=60']] }])
})
const learned = await send(`/test/${first}`, { headers: { 'Req-Num': '1' } })
if (learned.status !== 200) throw new Error(`the origin does not answer: ${learned.status} ${await learned.text()}`)

const chosen = suites
  .map(suite => ({ ...suite, tests: suite.tests.filter(test => !only || test.id === only) }))
  .filter(suite => suite.tests.length)
if (only) chosen.forEach(suite => suite.tests.forEach(test => { test.dump = true }))
// Some tests count single seconds: not all at once on a busy machine.
await runTests(chosen, fetch, false, address, 50)
const results = getResults()

const tests = new Map(chosen.flatMap(suite => suite.tests).map(test => [test.id, test]))
const kind = test => test.kind ?? 'required'
// What a failed test depends on decides whether it says anything.
const passed = id => results[id] === true && (tests.get(id).depends_on ?? []).every(id => !tests.has(id) || passed(id))
const outcome = id => {
  if (passed(id)) return 'passed'
  if ((tests.get(id).depends_on ?? []).some(id => tests.has(id) && !passed(id))) return 'depends'
  return results[id][0] === 'Setup' ? 'setup' : 'failed'
}
const counts = {}
for (const [id, test] of tests) {
  if (!(id in results)) continue
  const said = outcome(id)
  counts[kind(test)] ??= { passed: 0, failed: 0, setup: 0, depends: 0 }
  counts[kind(test)][said] += 1
  if (said !== 'passed') console.log(`${kind(test).padEnd(8)} ${said.padEnd(7)} ${id}: ${results[id]?.[1] ?? ''}`)
}
console.table(counts)

const known = new Set([...readFileSync(new URL('RESULTS.md', import.meta.url), 'utf8').matchAll(/^\| `([^`]+)` \|/gm)].map(row => row[1]))
const unlisted = [...tests].filter(([id, test]) => kind(test) === 'required' && id in results && !passed(id) && !known.has(id))
const stale = [...known].filter(id => tests.has(id) && passed(id))
for (const [id] of unlisted) console.log(`required, and neither passed nor listed in RESULTS.md: ${id}`)
for (const id of stale) console.log(`listed in RESULTS.md as not passed, and passed: ${id}`)
process.exitCode = unlisted.length || stale.length || !Object.keys(results).length ? 1 : 0
