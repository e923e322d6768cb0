/* Until when tokens and certificates are good. */
#include "test.h"

#include <errno.h>
#include <stdlib.h>

#include "kube/expiry.h"
#include "util/mem.h"

/* notAfter as UTCTime: 2036-11-22 08:57:20. */
static const char utc_time[] = "subject=CN = metallbd\n"
			       "-----BEGIN CERTIFICATE-----\n"
			       "MIIBezCCASGgAwIBAgIUf5JM4hL4ddhAbQAfGfwzysxhF3QwCgYIKoZIzj0EAwIw\n"
			       "EzERMA8GA1UEAwwIbWV0YWxsYmQwHhcNMjYxMTI1MDg1NzIwWhcNMzYxMTIyMDg1\n"
			       "NzIwWjATMREwDwYDVQQDDAhtZXRhbGxiZDBZMBMGByqGSM49AgEGCCqGSM49AwEH\n"
			       "A0IABC+Dx8HY7zkrRwzDsWcnsT302mGtILwVyo9R2zC1iXWMDzGes1kr0DEz/22s\n"
			       "5uO+HEo6D9HizblfAffrRC1MJ4yjUzBRMB0GA1UdDgQWBBQBKOLZu9sKGhaZ0MsY\n"
			       "UEWc6PTnWjAfBgNVHSMEGDAWgBQBKOLZu9sKGhaZ0MsYUEWc6PTnWjAPBgNVHRMB\n"
			       "Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCICaXjq3H7ypb2nw7QhOln1vwu6ae\n"
			       "MvTSnKv74yfJFBZIAiEA+kVho8UCNbylb9N1lkOG66Hs5eDwU2Xyu/axhYYIjBY=\n"
			       "-----END CERTIFICATE-----\n";
/* As GeneralizedTime: 2126-11-01 08:57:20. */
static const char generalized_time[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBfTCCASOgAwIBAgIULHWDmEqr04hdzXZPw7gU2TgHeTcwCgYIKoZIzj0EAwIw\n"
    "EzERMA8GA1UEAwwIbWV0YWxsYmQwIBcNMjYxMTI1MDg1NzIwWhgPMjEyNjExMDEw\n"
    "ODU3MjBaMBMxETAPBgNVBAMMCG1ldGFsbGJkMFkwEwYHKoZIzj0CAQYIKoZIzj0D\n"
    "AQcDQgAEplOawf6tTqH/Xf6fAiXVlNfeM3+3zRTT5d3gRFrW0Gr3GSVBdsJqYTe8\n"
    "AHnzlf2FX20jo/TOBmPnBWj1mdeXWaNTMFEwHQYDVR0OBBYEFHHxBC+VjQkkO7yp\n"
    "PtMIXMmn+qOYMB8GA1UdIwQYMBaAFHHxBC+VjQkkO7ypPtMIXMmn+qOYMA8GA1Ud\n"
    "EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgcE0z4yYSFGbw8zauUiWlhkq6\n"
    "mDY1C40UjC4ofe5UFhUCIQCvm5e3rO9n0FpP49na/q13rweiWkAWQuB7cEZuEeTo\n"
    "NQ==\n"
    "-----END CERTIFICATE-----\n";

static void
tokens_say_their_end(void **state)
{
	static const struct {
		const char *token;
		int err;
		int64_t usec;
	} rows[] = {
	    /* {"exp":1700000000} */
	    {"e30.eyJleHAiOjE3MDAwMDAwMDB9.c2ln", 0, INT64_C(1700000000000000)},
	    {"e30.eyJleHAiOjE3MDAwMDAwMDB9.", 0, INT64_C(1700000000000000)},
	    /* {"sub":"??>>"}: base64url's own digits */
	    {"e30.eyJzdWIiOiI_Pz4-In0.x\n", -ENOENT, 0},
	    {"e30.e30.x", -ENOENT, 0},
	    /* {"exp":"soon"}, {"exp":-1} */
	    {"e30.eyJleHAiOiJzb29uIn0.x", -EINVAL, 0},
	    {"e30.eyJleHAiOi0xfQ.x", -EINVAL, 0},
	    /* {"exp":1e30}, and [] */
	    {"e30.eyJleHAiOjFlMzB9.x", -EINVAL, 0},
	    {"e30.W10.x", -EINVAL, 0},
	    {"e30.eyJleHAiOjE3MDAwMDAwMDB9", -EINVAL, 0},
	    {"e30..x", -EINVAL, 0},
	    {"e30.%%.x", -EINVAL, 0},
	    {"opaque", -EINVAL, 0},
	    {"..", -EINVAL, 0},
	    {"", -EINVAL, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t usec = 0;

		assert_row(
		    i, rows[i].token, kube_token_expires(rows[i].token, &usec) == rows[i].err);
		assert_row(i, rows[i].token, usec == rows[i].usec);
	}
}

static void
certificates_say_their_end(void **state)
{
	int64_t usec = 0;

	(void)state;
	assert_int_equal(kube_certificate_expires(utc_time, &usec), 0);
	assert_int_equal(usec, INT64_C(2110957040) * 1000000);
	assert_int_equal(kube_certificate_expires(generalized_time, &usec), 0);
	assert_int_equal(usec, INT64_C(4949197040) * 1000000);
}

/* Of a certificate that was cut or changed anywhere nothing is read beyond its end. */
static void
broken_certificates_are_refused(void **state)
{
	size_t len = strlen(generalized_time), i;
	int64_t usec;

	(void)state;
	assert_int_equal(kube_certificate_expires("", &usec), -EINVAL);
	assert_int_equal(kube_certificate_expires("-----BEGIN CERTIFICATE-----", &usec), -EINVAL);
	assert_int_equal(
	    kube_certificate_expires("-----BEGIN CERTIFICATE----------END CERTIFICATE-----", &usec),
	    -EINVAL);
	for (i = 0; i + 1 < len; i++) {
		char *text = xstrndup(generalized_time, i);

		/* The mark at the end is needed, so no beginning is one. */
		if (i < len - 2)
			assert_int_equal(kube_certificate_expires(text, &usec), -EINVAL);
		free(text);
		text = xstrdup(generalized_time);
		text[i] ^= 1;
		(void)kube_certificate_expires(text, &usec);
		text[i] = 'z';
		(void)kube_certificate_expires(text, &usec);
		free(text);
	}
	for (i = 28; i + 26 < len; i++) {
		/* A shorter body: elements that say to be longer than what is there. */
		char *text = xasprintf(
		    "%.*s\n-----END CERTIFICATE-----\n", (int)i, generalized_time);

		(void)kube_certificate_expires(text, &usec);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tokens_say_their_end),
	    cmocka_unit_test(certificates_say_their_end),
	    cmocka_unit_test(broken_certificates_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
