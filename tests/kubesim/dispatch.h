/*
 * dispatch: a complete request finds its user, its faults and its handler.
 */
#ifndef KUBESIM_DISPATCH_H
#define KUBESIM_DISPATCH_H

struct conn;

void dispatch_request(struct conn *conn);

#endif
