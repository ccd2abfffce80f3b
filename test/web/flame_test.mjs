// SPDX-License-Identifier: Apache-2.0
//
// The flame page in a browser: it draws, zooms, searches, turns over, and shows
// the totals that `top` shows. Run by flame_test.sh with the folder of the pages.
import {createRequire} from 'node:module';
import {readFileSync} from 'node:fs';
import assert from 'node:assert/strict';

const folder = process.argv[2];
const {chromium} = createRequire(folder + '/')('playwright-core');
const browser = await chromium.launch({executablePath: '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu']});
const page = await browser.newPage({viewport: {width: 1200, height: 700}});
const errors = [];
page.on('pageerror', e => errors.push(String(e)));
page.on('request', r => r.url().startsWith('file:') || r.url().startsWith('data:') ||
	errors.push('asked for ' + r.url()));

async function open(name) {
	await page.goto(`file://${folder}/${name}.html`);
}
const text = id => page.locator('#' + id).innerText();
const shapes = () => page.evaluate(() => view.shapes.length);
// Where the frame called NAME is drawn.
const find = name => page.evaluate(n => {
	const box = canvas.getBoundingClientRect();
	const s = view.shapes.find(x => data.names[view.tree.name[x[0]]] === n);
	return s && {x: box.left + s[1] + s[2] / 2, y: box.top + s[3] + 8, width: s[2]};
}, name);
async function click(name) {
	const at = await find(name);
	assert.ok(at, name + ' is drawn');
	await page.mouse.click(at.x, at.y);
}

// The root has all, main has what top says.
await open('cpu');
assert.match(await page.title(), /^shop: cpu$/);
const top = readFileSync(folder + '/top.txt', 'utf8');
const total = top.match(/of (\S+) total/)[1];
assert.equal(await text('total'), total);
assert.ok((await text('detail')).startsWith(`all: ${total} (100.00%)`));
const [, cum, part] = top.match(/(\S+)\s+(\S+)%  main$/m);
const main = await find('main');
await page.mouse.move(main.x, main.y);
await page.waitForFunction(() => detail.textContent.startsWith('main: '));
assert.ok((await text('detail')).startsWith(`main: ${cum} (${part}%)`), await text('detail'));
await page.screenshot({path: folder + '/flame.png'});

// A click gives a frame the whole width, Escape takes it back.
const before = main.width;
await click('main');
const zoomed = await find('main');
assert.ok(zoomed.width > 1150 && zoomed.width > before);
await page.keyboard.press('Escape');
assert.ok(Math.abs((await find('main')).width - before) < 1);

// A search colours and counts; once within another match.
await page.locator('#search').fill('^main$');
assert.equal(await text('status'), `matched ${cum} (${part}%)`);
await page.screenshot({path: folder + '/search.png'});
await page.locator('#search').fill('(');
await page.locator('#reset').click();
assert.equal(await text('status'), '');

// Upside down: the leaves of main's tree are the roots, and the sum is the same.
await page.locator('#flip').click();
assert.ok((await find('all')).y < 200);
await page.screenshot({path: folder + '/icicle.png'});
await page.locator('#invert').click();
assert.ok((await text('detail')).startsWith(`all: ${total} (100.00%)`));
const sums = await page.evaluate(() => {
	const t = view.tree;
	const roots = [];
	for (let i = 1; i < t.n; i += t.size[i])
		roots.push(t.total[i]);
	return [roots.reduce((a, b) => a + b, 0), t.total[0]];
});
assert.equal(sums[0], sums[1]);

// Both sides of a difference.
await open('diff');
assert.ok(await page.locator('#before').isVisible());
assert.match(await text('detail'), /^all: \S+ .* before \S+, [+-]/);
await page.locator('#before').click();
assert.ok(await shapes() > 3);
await page.screenshot({path: folder + '/diff.png'});

// Names are text, whatever is in them.
await open('evil');
assert.equal(await page.evaluate(() => window.evil), undefined);
assert.ok(await page.evaluate(() => data.names.some(n => n.includes('</script>'))));

// A hundred thousand frames within a second.
await open('large');
const times = await page.evaluate(() => {
	const start = performance.now();
	new Tree(data.name, data.depth, data.self, data.before);
	draw();
	return {n: data.n, ms: performance.now() - start};
});
assert.ok(times.n >= 100000, String(times.n));
console.log(`${times.n} frames in ${times.ms.toFixed(0)} ms`);
assert.ok(times.ms < 1000 || process.env.CPROF_TEST_SLOW, `${times.ms} ms`);
assert.deepEqual(errors, []);
await browser.close();
