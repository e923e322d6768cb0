/*
 * play: the frame of a runner of replay scripts: finds them, runs each, prints TAP.
 */
#ifndef REPLAY_PLAY_H
#define REPLAY_PLAY_H

#include <stdbool.h>

/* Runs one script. False when it fails: what is wrong is printed as TAP comments. */
typedef bool play_fn(const char *path);

/*
 * The whole of main(): runs the scripts *.play in tests/replay/ROOM below $top_srcdir, or those
 * that the pattern in argv[1] finds. Returns the exit status.
 */
int play_main(int argc, char **argv, const char *room, play_fn *run);

#endif
