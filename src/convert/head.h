/*
 * head: the first comment of the file: what it was made from, what was left out as a whole, and
 * what behaves otherwise than in MetalLB.
 */
#ifndef CONVERT_HEAD_H
#define CONVERT_HEAD_H

struct convert;

void head_convert(struct convert *c);

#endif
