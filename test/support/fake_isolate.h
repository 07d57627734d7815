/*
 * fake_isolate.h - an isolate without JavaScript: the test program itself, started by the pool with
 * the role __isolate, speaks the channel and does what the URL of each request says. It shows how
 * main behaves towards every kind of peer, hostile ones included.
 *
 * Blocking, one event loop of its own, no libuv. In the order of this list: /hello, /echo (streams
 * the request's body back), /inline (the request's inline body back), /headers (the header block),
 * /bytes/N (streams N bytes as credit comes), /throw, /hang (nothing), /deaf (nothing, and not
 * to CANCEL either), /patient (nothing in the
 * first isolate), /exit, /late (answers, ends 50 ms later), /twice (a second RESPONSE), /flood
 * (bytes without credit), /forged (frame for no event), /junk (not a frame), /fetch/URL (fetches,
 * answers with the upstream body spliced), /service/URL (the same through binding 0), /ws (echoing
 * WebSocket), /cut (a body that fails half way), /log (a console line and an exception), /url (the
 * URL).
 */
#ifndef SLV_TEST_FAKE_ISOLATE_H
#define SLV_TEST_FAKE_ISOLATE_H

/* Does not return before the channel ends. */
int fake_isolate_main(int argc, char **argv);

#endif
