/*
   The rows of the gallery: what a program checks, the published or closed-form value, what it measured, and whether they agree.

     PetscCall(GalleryBegin("heavyball"));
     PetscCall(GalleryNear("spectral radius, one selection", "sqrt(3)/2, Bolte, Pauwels, Vaiter 2022", rho, 0.8660254, 1e-6));
     PetscCall(GalleryEnd());

   Every function is collective; rank 0 prints. With -gallery rows are those of a Markdown table, as `make gallery` collects them.
   A row that fails is an error at the end. docs/gallery.md
*/
#ifndef CONTRAGRAD_GALLERY_H
#define CONTRAGRAD_GALLERY_H

#include <stdarg.h>
#include <contragrad.h>

static struct {
  const char *program;
  PetscBool   table;
  PetscInt    rows, failed;
} gallery;

static inline PetscErrorCode GalleryBegin(const char program[])
{
  PetscFunctionBegin;
  gallery.program = program;
  gallery.table   = PETSC_FALSE;
  gallery.rows = gallery.failed = 0;
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-gallery", &gallery.table, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A row. What passes must be the same on every process */
static inline PetscErrorCode GalleryRow(const char what[], const char expected[], const char measured[], PetscBool pass)
{
  PetscFunctionBegin;
  gallery.rows++;
  if (!pass) gallery.failed++;
  if (gallery.table)
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "| %s | %s | %s | %s | %s |\n", gallery.program, what, expected, measured, pass ? "pass" : "FAIL"));
  else
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s  %s: %s (%s)\n", pass ? "pass" : "FAIL", what, measured, expected));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A number that the source says is at most `limit` */
static inline PetscErrorCode GalleryBelow(const char what[], const char source[], PetscReal measured, PetscReal limit)
{
  char expected[256], value[64];

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(expected, sizeof(expected), "at most %.3g: %s", (double)limit, source));
  PetscCall(PetscSNPrintf(value, sizeof(value), "%.3g", (double)measured));
  PetscCall(GalleryRow(what, expected, value, (PetscBool)(measured <= limit))); /* false for NaN */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A number that the source says is at least `limit` */
static inline PetscErrorCode GalleryAbove(const char what[], const char source[], PetscReal measured, PetscReal limit)
{
  char expected[256], value[64];

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(expected, sizeof(expected), "at least %.3g: %s", (double)limit, source));
  PetscCall(PetscSNPrintf(value, sizeof(value), "%.3g", (double)measured));
  PetscCall(GalleryRow(what, expected, value, (PetscBool)(measured >= limit)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A number that the source gives, to a relative tolerance */
static inline PetscErrorCode GalleryNear(const char what[], const char source[], PetscReal measured, PetscReal expected, PetscReal rtol)
{
  char text[256], value[64];

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(text, sizeof(text), "%.8g to %.0e: %s", (double)expected, (double)rtol, source));
  PetscCall(PetscSNPrintf(value, sizeof(value), "%.8g", (double)measured));
  PetscCall(GalleryRow(what, text, value, (PetscBool)(PetscAbsReal(measured - expected) <= rtol * PetscAbsReal(expected))));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the verdict of the last derivative is the expected one, or as good: a negative one must be hit exactly */
static inline PetscErrorCode GalleryVerdict(ADJ adj, const char what[], const char source[], ADJTrust expected)
{
  ADJTrust trust;
  char     text[256];

  PetscFunctionBegin;
  PetscCall(ADJGetTrust(adj, &trust));
  PetscCall(PetscSNPrintf(text, sizeof(text), "%s: %s", ADJTrusts[expected], source));
  PetscCall(GalleryRow(what, text, ADJTrusts[trust], (PetscBool)(expected > 0 ? trust >= expected : trust == expected)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode GalleryEnd(void)
{
  PetscFunctionBegin;
  PetscCheck(gallery.rows && !gallery.failed, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "%s: %" PetscInt_FMT " of %" PetscInt_FMT " checks failed", gallery.program, gallery.failed, gallery.rows);
  PetscFunctionReturn(PETSC_SUCCESS);
}

#endif
