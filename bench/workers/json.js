// Parses and serialises a document of about 2.5 KB.
const text = JSON.stringify({
  id: 'order-1', total: 129.95, paid: true,
  items: Array.from({ length: 24 }, (_, i) => ({ sku: `sku-${1000 + i}`, name: `Thing number ${i}`, price: 5.4 + i, quantity: 1 + (i % 3), tags: ['a', 'b'] })),
});
export default {
  fetch() {
    const order = JSON.parse(text);
    order.items[0].quantity++;
    return new Response(JSON.stringify(order), { headers: { 'content-type': 'application/json' } });
  },
};
