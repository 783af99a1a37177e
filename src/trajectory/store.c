/*
   Where states are kept: what the stores have in common, and the store in memory.
*/
#include "storeimpl.h"

PetscErrorCode ADJStoreCreate_Private(MPI_Comm comm, ADJStore *store)
{
  ADJStore s;

  PetscFunctionBegin;
  PetscCall(PetscNew(&s));
  PetscCall(PetscHMapICreate(&s->slots));
  PetscCall(PetscCommDuplicate(comm, &s->comm, NULL));
  *store = s;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJStoreDestroy_Private(ADJStore *store)
{
  PetscFunctionBegin;
  if (!*store) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall((*(*store)->destroy)(*store));
  PetscCall(PetscHMapIDestroy(&(*store)->slots));
  PetscCall(PetscFree((*store)->free));
  PetscCall(PetscCommDestroy(&(*store)->comm));
  PetscCall(PetscFree(*store));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJStoreFind_Private(ADJStore s, PetscInt step, PetscInt *slot)
{
  PetscFunctionBegin;
  PetscCall(PetscHMapIGet(s->slots, step, slot));
  PetscCheck(*slot >= 0, s->comm, PETSC_ERR_ARG_OUTOFRANGE, "State %" PetscInt_FMT " is not kept", step);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A slot that is free, a new one if need be. It remains free until ADJStoreUse_Private() */
static PetscErrorCode ADJStoreReserve_Private(ADJStore s, PetscInt step, PetscInt *slot)
{
  PetscBool has;

  PetscFunctionBegin;
  PetscCall(ADJStoreHas_Private(s, step, &has));
  PetscCheck(!has, s->comm, PETSC_ERR_PLIB, "State %" PetscInt_FMT " is kept already", step);
  if (!s->nfree) {
    if (s->nslots == s->size) {
      s->size = PetscMax(16, 2 * s->size);
      PetscCall(PetscFree(s->free));
      PetscCall(PetscMalloc1(s->size, &s->free));
    }
    if (s->grow) PetscCall((*s->grow)(s, s->nslots + 1));
    s->free[s->nfree++] = s->nslots++;
  }
  *slot = s->free[s->nfree - 1];
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJStoreUse_Private(ADJStore s, PetscInt step, PetscInt slot)
{
  PetscFunctionBegin;
  PetscCall(PetscHMapISet(s->slots, step, slot));
  s->nfree--;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJStorePut_Private(ADJStore s, PetscInt step, Vec x)
{
  PetscInt slot;

  PetscFunctionBegin;
  PetscCall(ADJStoreReserve_Private(s, step, &slot));
  PetscCall((*s->put)(s, slot, x));
  PetscCall(ADJStoreUse_Private(s, step, slot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJStoreTake_Private(ADJStore s, PetscInt step, Vec *x)
{
  PetscInt slot;

  PetscFunctionBegin;
  if (!s->take) {
    PetscCall(ADJStorePut_Private(s, step, *x));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(ADJStoreReserve_Private(s, step, &slot));
  PetscCall((*s->take)(s, slot, x));
  PetscCall(ADJStoreUse_Private(s, step, slot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJStoreGet_Private(ADJStore s, PetscInt step, Vec x)
{
  PetscInt slot;

  PetscFunctionBegin;
  PetscCall(ADJStoreFind_Private(s, step, &slot));
  PetscCall((*s->get)(s, slot, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJStoreBorrow_Private(ADJStore s, PetscInt step, Vec *x)
{
  PetscInt slot;

  PetscFunctionBegin;
  *x = NULL;
  PetscCall(ADJStoreFind_Private(s, step, &slot));
  if (s->borrow) PetscCall((*s->borrow)(s, slot, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJStoreHas_Private(ADJStore s, PetscInt step, PetscBool *has)
{
  PetscFunctionBegin;
  PetscCall(PetscHMapIHas(s->slots, step, has));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJStoreCount_Private(ADJStore s, PetscInt *n)
{
  PetscFunctionBegin;
  *n = s->nslots - s->nfree;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJStoreDrop_Private(ADJStore s, PetscInt step)
{
  PetscInt slot;

  PetscFunctionBegin;
  PetscCall(ADJStoreFind_Private(s, step, &slot));
  PetscCall(PetscHMapIDel(s->slots, step));
  s->free[s->nfree++] = slot;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJStoreClear_Private(ADJStore s)
{
  PetscFunctionBegin;
  PetscCall(PetscHMapIClear(s->slots));
  for (s->nfree = 0; s->nfree < s->nslots; s->nfree++) s->free[s->nfree] = s->nslots - 1 - s->nfree;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* ------------------------------------- In memory ----------------------------------- */

typedef struct {
  Vec     *vecs; /* of the slots; NULL where there is none yet */
  PetscInt n, size;
} ADJMemory;

static PetscErrorCode ADJStoreGrow_Memory(ADJStore s, PetscInt nslots)
{
  ADJMemory *memory = (ADJMemory *)s->data;
  Vec       *grown;

  PetscFunctionBegin;
  if (nslots > memory->size) {
    memory->size = PetscMax(nslots, 2 * memory->size);
    PetscCall(PetscCalloc1(memory->size, &grown));
    PetscCall(PetscArraycpy(grown, memory->vecs, memory->n));
    PetscCall(PetscFree(memory->vecs));
    memory->vecs = grown;
  }
  memory->n = nslots;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJStoreTake_Memory(ADJStore s, PetscInt slot, Vec *x)
{
  Vec *kept = &((ADJMemory *)s->data)->vecs[slot], swap;

  PetscFunctionBegin;
  if (!*kept) PetscCall(VecDuplicate(*x, kept));
  swap  = *kept;
  *kept = *x;
  *x    = swap;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJStorePut_Memory(ADJStore s, PetscInt slot, Vec x)
{
  Vec *kept = &((ADJMemory *)s->data)->vecs[slot];

  PetscFunctionBegin;
  if (!*kept) PetscCall(VecDuplicate(x, kept));
  PetscCall(VecCopy(x, *kept));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJStoreGet_Memory(ADJStore s, PetscInt slot, Vec x)
{
  PetscFunctionBegin;
  PetscCall(VecCopy(((ADJMemory *)s->data)->vecs[slot], x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJStoreBorrow_Memory(ADJStore s, PetscInt slot, Vec *x)
{
  PetscFunctionBegin;
  *x = ((ADJMemory *)s->data)->vecs[slot];
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJStoreDestroy_Memory(ADJStore s)
{
  ADJMemory *memory = (ADJMemory *)s->data;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < memory->n; i++) PetscCall(VecDestroy(&memory->vecs[i]));
  PetscCall(PetscFree(memory->vecs));
  PetscCall(PetscFree(s->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ADJStoreCreateMemory_Private(MPI_Comm comm, ADJStore *store)
{
  ADJMemory *memory;

  PetscFunctionBegin;
  PetscCall(ADJStoreCreate_Private(comm, store));
  PetscCall(PetscNew(&memory));
  (*store)->data    = memory;
  (*store)->grow    = ADJStoreGrow_Memory;
  (*store)->put     = ADJStorePut_Memory;
  (*store)->take    = ADJStoreTake_Memory;
  (*store)->get     = ADJStoreGet_Memory;
  (*store)->borrow  = ADJStoreBorrow_Memory;
  (*store)->destroy = ADJStoreDestroy_Memory;
  PetscFunctionReturn(PETSC_SUCCESS);
}
