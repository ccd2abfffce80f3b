// SPDX-License-Identifier: Apache-2.0
//
// node with worker threads, garbage, files, compression in libuv's pool, and
// child processes. Prints what is the same in every run.
'use strict';

const { Worker, isMainThread, parentPort, workerData } =
	require('worker_threads');
const { execFileSync, spawn } = require('child_process');
const { createHash } = require('crypto');
const fs = require('fs');
const zlib = require('zlib');

function churn(seed) {
	const map = new Map();
	let sum = 0;

	for (let i = 0; i < 100000; i++)
		map.set((i * 31) % 9973, { text: `value${seed + i}` });
	for (const value of map.values())
		sum += value.text.length;
	return sum;
}

function inWorker(seed) {
	return new Promise((resolve, reject) => {
		const worker = new Worker(__filename, { workerData: seed });

		worker.on('message', resolve);
		worker.on('error', reject);
	});
}

function packed(i) {
	return new Promise((resolve, reject) => {
		zlib.gzip(Buffer.alloc(300000, `x${i}`), (error, data) => {
			if (error)
				reject(error);
			else
				resolve(zlib.gunzipSync(data).length);
		});
	});
}

function child(i) {
	return new Promise((resolve) => {
		spawn('sh', ['-c', `exit ${i}`]).on('exit', resolve);
	});
}

function digest(path) {
	return createHash('sha256').update(fs.readFileSync(path)).digest('hex');
}

async function main() {
	const counts = [...Array(8).keys()];

	console.log(await Promise.all(counts.map(inWorker)));
	console.log(await Promise.all(counts.map(packed)));
	console.log(await Promise.all(counts.map(child)));
	fs.writeFileSync('some.txt', 'x'.repeat(1 << 20));
	console.log(digest('some.txt'));
	console.log(execFileSync('/bin/echo', ['from a child']).toString());
	process.on('SIGUSR2', () => {
		console.log('signal');
		process.exit(6);
	});
	process.kill(process.pid, 'SIGUSR2');
	setTimeout(() => {}, 60000);
}

if (isMainThread)
	main();
else
	parentPort.postMessage(churn(workerData));
