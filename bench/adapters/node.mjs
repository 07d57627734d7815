// Runs a Workers module under Node.js: node node.mjs WORKER PORT
import { serve } from '@hono/node-server';
import { pathToFileURL } from 'node:url';

const worker = (await import(pathToFileURL(process.argv[2]))).default;
serve({ fetch: (request) => worker.fetch(request, {}, { waitUntil() {} }), port: Number(process.argv[3]), hostname: '127.0.0.1' });
