// Runs a Workers module under Bun: bun bun.mjs WORKER PORT
import { pathToFileURL } from 'node:url';

const worker = (await import(pathToFileURL(process.argv[2]))).default;
Bun.serve({ port: Number(process.argv[3]), hostname: '127.0.0.1', fetch: (request) => worker.fetch(request, {}, { waitUntil() {} }) });
