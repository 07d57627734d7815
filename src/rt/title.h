/*
 * title.h - what ps shows of this process: the memory of its arguments, written over. One thread.
 */
#ifndef SLV_RT_TITLE_H
#define SLV_RT_TITLE_H

/* First thing in main: the environment behind the arguments moves away, so that there is room. */
void slv_title_init(int argc, char **argv);
/* Cut to the room there is. Nothing before init, and nothing for an empty text. */
void slv_title_set(const char *title);

#endif
