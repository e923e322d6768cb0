/*
 * keys_table: what the files that hold parts of the table of keys.h share: short forms for an
 * entry, and the parts. For these files only.
 */
#ifndef CONFIG_KEYS_TABLE_H
#define CONFIG_KEYS_TABLE_H

#include <stddef.h>

#include "config/keys.h"

/* Where a key's value lies in its object's struct; COUNTED for a pointer with its count. */
#define MEMBER(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define COUNTED(type, member, count) MEMBER(type, member), .count_offset = offsetof(type, count)
#define N_KEYS(keys) (sizeof(keys) / sizeof((keys)[0]))
#define MSEC(n) ((n)*USEC_PER_MSEC)
#define SEC(n) ((n)*USEC_PER_SEC)

/* The group bgp (keys_bgp.c). */
extern const struct config_section keys_bgp;

#endif
