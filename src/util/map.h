/*
 * map: hash tables keyed by a string or by the bytes of a member, hiding the library (uthash) from
 * the rest of the tree.
 *
 * An element embeds `struct map_node node`; a table is a pointer to the first element, NULL when
 * empty. The key must not change while the element is in a table. Iteration is in order of
 * insertion, hence deterministic.
 */
#ifndef UTIL_MAP_H
#define UTIL_MAP_H

#include <stdlib.h>

#include "util/hash.h"

#define uthash_fatal(msg) abort()
/* uthash's own function is a macro with a switch that falls through, which clang refuses at each
 * place of use. */
#define HASH_FUNCTION(key, len, ret_hash) \
	((ret_hash) = (unsigned)hash_final(hash_bytes(HASH_INIT, (key), (len))))
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include <uthash.h>
#pragma GCC diagnostic pop

#define map_node UT_hash_handle

/* By string: `keyptr` is a char * member's value that outlives the membership. */
#define MAP_ADD_STR(head, keyptr, item) HASH_ADD_KEYPTR(node, head, keyptr, strlen(keyptr), item)
#define MAP_FIND_STR(head, key, ret_item) HASH_FIND(node, head, key, strlen(key), ret_item)
/* By `len` bytes at `keyptr`, which outlive the membership. */
#define MAP_ADD_BYTES(head, keyptr, len, item) HASH_ADD_KEYPTR(node, head, keyptr, len, item)
#define MAP_FIND_BYTES(head, key, len, ret_item) HASH_FIND(node, head, key, len, ret_item)
/* By the bytes of a member (no padding inside, please). */
#define MAP_ADD(head, member, item) HASH_ADD(node, head, member, sizeof((item)->member), item)
#define MAP_FIND(head, key, ret_item) HASH_FIND(node, head, key, sizeof(*(key)), ret_item)
#define MAP_DEL(head, item) HASH_DELETE(node, head, item)
#define MAP_COUNT(head) HASH_CNT(node, head)
#define MAP_SORT(head, cmp) HASH_SRT(node, head, cmp)
#define MAP_FOREACH(item, head) for ((item) = (head); (item); (item) = (item)->node.next)
/* The current item may be removed and freed. */
#define MAP_FOREACH_SAFE(item, tmp, head) \
	for ((item) = (head); (item) && ((tmp) = (item)->node.next, 1); (item) = (tmp))

#endif
