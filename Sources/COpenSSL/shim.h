// The system's OpenSSL 3.0, for Swift. Macros do not import, so each that is needed has a function.
#ifndef COUNTERSIGN_COPENSSL_H
#define COUNTERSIGN_COPENSSL_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// TLS

static inline int cs_SSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
  return (int)SSL_CTX_set_min_proto_version(context, version);
}
static inline int cs_SSL_CTX_set_max_proto_version(SSL_CTX *context, int version) {
  return (int)SSL_CTX_set_max_proto_version(context, version);
}
static inline void cs_SSL_CTX_disable_session_cache(SSL_CTX *context) {
  (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}
static inline int cs_SSL_set_tlsext_host_name(SSL *ssl, const char *name) {
  return (int)SSL_set_tlsext_host_name(ssl, name);
}
static inline int cs_SSL_CTX_add1_chain_cert(SSL_CTX *context, X509 *certificate) {
  return (int)SSL_CTX_add1_chain_cert(context, certificate);
}
static inline int cs_ERR_reason(unsigned long code) { return ERR_GET_REASON(code); }
static inline int cs_ERR_library(unsigned long code) { return ERR_GET_LIB(code); }
static inline int cs_is_end_of_pem(unsigned long code) {
  return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

// Keeps the peer's own certificate when it is refused: libssl itself forgets it then.
static inline int cs_keep_refused(int is_fine, X509_STORE_CTX *store) {
  SSL *ssl = (SSL *)X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  X509 *certificate = X509_STORE_CTX_get0_cert(store);
  if (!is_fine && ssl != NULL && certificate != NULL && SSL_get_app_data(ssl) == NULL &&
      X509_up_ref(certificate))
    SSL_set_app_data(ssl, certificate);
  return is_fine;
}
static inline void cs_SSL_CTX_verify_peer(SSL_CTX *context, int mode) {
  SSL_CTX_set_verify(context, mode, cs_keep_refused);
}
// The certificate that was refused; it belongs to the caller. Null without one, and the second time.
static inline X509 *cs_take_refused(SSL *ssl) {
  X509 *certificate = (X509 *)SSL_get_app_data(ssl);
  SSL_set_app_data(ssl, NULL);
  return certificate;
}

// For keys that need a passphrase: there is none, and nobody is asked on the terminal.
static inline int cs_no_passphrase(char *buffer, int size, int writes, void *data) {
  (void)buffer, (void)size, (void)writes, (void)data;
  return -1;
}
static inline EVP_PKEY *cs_PEM_read_private_key(BIO *bio) {
  return PEM_read_bio_PrivateKey(bio, NULL, cs_no_passphrase, NULL);
}
static inline X509 *cs_PEM_read_certificate(BIO *bio) {
  return PEM_read_bio_X509(bio, NULL, cs_no_passphrase, NULL);
}

// Certificates

static inline EVP_PKEY *cs_new_P256_key(void) { return EVP_EC_gen("P-256"); }

static inline long cs_BIO_memory(BIO *bio, char **data) { return BIO_get_mem_data(bio, data); }

// Adds the extension `name` with a value in OpenSSL's own notation.
static inline int cs_add_extension(X509 *subject, X509 *issuer, int name, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, subject, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, name, value);
  if (extension == NULL) return 0;
  int added = X509_add_ext(subject, extension, -1);
  X509_EXTENSION_free(extension);
  return added;
}

// The names of a certificate, one call each; nil behind the last. kind is GEN_DNS or GEN_IPADD.
static inline const unsigned char *cs_subject_name(
    const GENERAL_NAMES *names, int index, int *kind, int *length) {
  if (index >= sk_GENERAL_NAME_num(names)) return NULL;
  const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
  *kind = name->type;
  const ASN1_STRING *text = name->type == GEN_DNS     ? name->d.dNSName
                            : name->type == GEN_IPADD ? name->d.iPAddress
                                                      : NULL;
  *length = text == NULL ? 0 : ASN1_STRING_length(text);
  return text == NULL ? (const unsigned char *)"" : ASN1_STRING_get0_data(text);
}
static inline GENERAL_NAMES *cs_subject_names(const X509 *certificate) {
  return (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}

#endif
