// Counts primes in WebAssembly. primes.wasm is primes.wat assembled with wat2wasm.
import primes from './primes.wasm';

const { exports } = await WebAssembly.instantiate(primes);

export default {
  fetch(request) {
    const below = Number(new URL(request.url).searchParams.get('below') ?? 100);
    if (!Number.isInteger(below) || below < 0 || below > 10_000_000)
      return Response.json({ error: 'below must be a whole number from 0 to 10000000' }, { status: 400 });
    return Response.json({ below, primes: exports.count(below) });
  },
};
