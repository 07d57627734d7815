// One megabyte, made in JavaScript, sixteen kilobytes at a time.
const chunk = new Uint8Array(16384).fill(120);
export default {
  fetch() {
    let left = 64;
    return new Response(new ReadableStream({
      pull(controller) {
        controller.enqueue(chunk.slice());
        if (--left === 0) controller.close();
      },
    }));
  },
};
