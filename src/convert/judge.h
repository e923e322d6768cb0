/*
 * judge: what joins this room with src/config: metallbd's own checks. Part of the program, and of
 * its fuzz target, not of the room's library.
 */
#ifndef CONVERT_JUDGE_H
#define CONVERT_JUDGE_H

#include "convert/convert.h"

/* What "metallbd -t" refuses in a text; arg is not used. */
convert_check_fn judge;

#endif
