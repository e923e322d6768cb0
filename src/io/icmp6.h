/*
 * icmp6: a raw ICMPv6 socket for router advertisements and solicitations (nothing else passes the
 * kernel's filter). Checksums are the kernel's business. Needs CAP_NET_RAW.
 */
#ifndef IO_ICMP6_H
#define IO_ICMP6_H

#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

struct icmp6;
struct loop;

#define ICMP6_MESSAGE_BYTES 1500   /* longer ones are dropped */
#define ICMP6_MESSAGES_PER_TURN 32 /* then other work comes first */

/* `bytes` from the ICMPv6 header on, valid during the call. Our own are not delivered. */
typedef void icmp6_fn(void *arg, int ifindex, const struct ip_addr *from, uint8_t hop_limit,
    const uint8_t *bytes, size_t len);

/* 0 or -errno. */
int icmp6_open(struct loop *loop, icmp6_fn *fn, void *arg, struct icmp6 **ret_icmp6);
/* Not from within its callback. NULL is allowed. */
void icmp6_free(struct icmp6 *icmp6);
/* All routers' group of the interface, so that solicitations arrive. 0 or -errno; 0 when it was
 * joined already. */
int icmp6_join_routers(struct icmp6 *icmp6, int ifindex);
/* With hop limit 255, from a link-local address of the interface. 0 or -errno. */
int icmp6_send(
    struct icmp6 *icmp6, int ifindex, const struct ip_addr *to, const void *bytes, size_t len);

#endif
