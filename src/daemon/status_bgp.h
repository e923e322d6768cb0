/*
 * status_bgp: the BGP part of what metallbctl shows, as doc/CONTROL.md describes it. Every object
 * is the caller's.
 */
#ifndef DAEMON_STATUS_BGP_H
#define DAEMON_STATUS_BGP_H

struct daemon;
struct ip_addr;
struct json_object;

/* All peers of the file, or the one named; NULL when there is none of that name. `name` may be
 * NULL. */
struct json_object *status_peers(const struct daemon *daemon, const char *name);
/* What is announced, to all or to the peer named, and what is not; NULL when there is no such peer.
 */
struct json_object *status_routes(const struct daemon *daemon, const char *peer);
/* For `explain`: what becomes of the address of a Service by BGP. */
struct json_object *
status_bgp_claim(const struct daemon *daemon, const struct ip_addr *ip, const char *service);

#endif
