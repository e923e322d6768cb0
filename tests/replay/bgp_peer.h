/*
 * bgp_peer: the other side of a session under test, as text: messages from words, messages to
 * words. Used by the replay scripts of bgp; their form is described in replay_bgp.c.
 */
#ifndef TESTS_REPLAY_BGP_PEER_H
#define TESTS_REPLAY_BGP_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bgp/update.h"
#include "util/str.h"

/* The message that the words describe ("KEEPALIVE", "OPEN as=64512 hold=90"). Its length; 0 when
 * the words make no sense. */
size_t
bgp_peer_message(char *const *words, unsigned n_words, uint8_t *bytes, size_t size, bool as4);
/* The other way round, in one line without its end. */
void bgp_peer_describe(const struct bgp_message *message, bool as4, struct strbuf *sb);

#endif
