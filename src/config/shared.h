/*
 * shared: the hash over what must be equal on all nodes (settings.shared_hash).
 */
#ifndef CONFIG_SHARED_H
#define CONFIG_SHARED_H

#include <stdint.h>

struct settings;

uint64_t shared_hash(const struct settings *settings);

#endif
