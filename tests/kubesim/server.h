/*
 * server: listeners and TLS.
 */
#ifndef KUBESIM_SERVER_H
#define KUBESIM_SERVER_H

#include <stdbool.h>

#include "sim.h"

/* "ADDR:PORT" or "[ADDR]:PORT". Prints what is wrong to stderr and returns false. */
bool server_add_listener(struct sim *sim, const char *text);
/* client_ca may be NULL. Prints what is wrong to stderr and returns false. */
bool server_tls(struct sim *sim, const char *cert, const char *key, const char *client_ca);
bool server_listen(struct sim *sim);
int server_port(const struct listener *listener);

/* Closes listeners and all connections for sim->down_ms, then listens again. */
void server_down(struct sim *sim);
void server_free(struct sim *sim);

#endif
