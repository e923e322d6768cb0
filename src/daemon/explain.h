/*
 * explain: one Service in full: what it asks for, each pool's verdict, the owner of each address,
 * what this node does with it and why, and what to do next.
 */
#ifndef DAEMON_EXPLAIN_H
#define DAEMON_EXPLAIN_H

struct daemon;
struct json_object;
struct service;

/* The caller's; doc/CONTROL.md has its members. */
struct json_object *explain_service(const struct daemon *daemon, const struct service *service);

#endif
