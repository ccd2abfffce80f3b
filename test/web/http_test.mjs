// SPDX-License-Identifier: Apache-2.0
//
// The collector's pages in a browser: from the list of processes, by one click,
// to a flame graph with the right names. Run by http_test.sh with a folder that
// has node_modules, and the collector's URL.
import {createRequire} from 'node:module';
import assert from 'node:assert/strict';

const [folder, url, pid] = process.argv.slice(2);
const {chromium} = createRequire(folder + '/')('playwright-core');
const browser = await chromium.launch({executablePath: '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu', '--use-gl=swiftshader']});
const page = await browser.newPage({viewport: {width: 1200, height: 700}});
const wrong = [];
page.on('pageerror', e => wrong.push(String(e)));
page.on('request', r => r.url().startsWith(new URL(url).origin) ||
	r.url().startsWith('data:') || r.url().startsWith('blob:') ||
	wrong.push('asked for ' + r.url()));
page.on('response', r => r.status() < 400 || r.url().endsWith('favicon.ico') ||
	wrong.push(`${r.status()} for ${r.url()}`));

// speedscope draws names on a canvas; its sandwich view lists them.
async function lists(name) {
	await page.locator('text=Sandwich').click();
	await page.waitForFunction(n => document.body.innerText.includes(n), name,
		{timeout: 10000});
}

async function flame(from, link, expected, shot) {
	await page.goto(from);
	await page.locator(link).first().click();
	await page.waitForURL(/speedscope/);
	await page.waitForFunction(() => document.querySelectorAll('canvas').length > 0,
		null, {timeout: 30000});
	await page.waitForTimeout(300);
	await page.screenshot({path: `${folder}/${shot}.png`});
	await lists(expected);
}

await page.goto(url);
assert.match(await page.title(), /^cprof$/);
const row = page.locator('tr', {hasText: 'serving'});
assert.match(await row.innerText(), new RegExp(`${pid}\\s+serving`));
assert.match(await row.innerText(), /<b>not a tag<\/b>/); // of its command line
await page.screenshot({path: folder + '/root.png'});
await page.emulateMedia({colorScheme: 'dark'});
await page.screenshot({path: folder + '/root-dark.png'});
await flame(url, 'tr:has-text("serving") >> text=heap', 'keep_blocks', 'heap');
await flame(url, 'tr:has-text("serving") >> text=mutex', 'fight', 'mutex');
await flame(url, 'tr:has-text("serving") >> text=cpu', 'recurse', 'cpu');

// The index of a process: by its number, by its name, and alone.
await page.goto(url);
await page.locator('tr:has-text("serving") a', {hasText: pid}).first().click();
assert.equal(new URL(page.url()).pathname.endsWith(`/${pid}/debug/pprof/`), true);
await page.screenshot({path: folder + '/index.png'});
for (const path of [`${pid}/`, 'comm/serving/', ''])
	await flame(url + path + 'debug/pprof/', 'tr:has-text("allocs") >> text=flame graph',
		'keep_blocks', 'allocs');
// A trace: speedscope has a timeline for each thread, named; a lock's waits are
// in those that fight for it.
await page.goto(url + 'debug/pprof/');
await page.locator('text=timeline').first().click();
await page.waitForURL(/speedscope/);
await page.locator('text=/fighter-\\d \\(tid \\d+\\) \\(1\\/2\\)/').click({timeout: 30000});
for (const name of ['fighter-1', 'fighter-2'])
	await page.waitForFunction(n => document.body.innerText.includes(n + ' (tid'),
		name, {timeout: 10000});
await page.screenshot({path: folder + '/trace.png'});
await page.keyboard.press('Escape');
await lists('mutex lock {"stack":"fight < ');
await page.goto(url + 'debug/pprof/');
await page.locator('text=heap').first().click();
assert.match(await page.locator('body').innerText(), /^heap profile: /);
assert.deepEqual(wrong, []);
await browser.close();
