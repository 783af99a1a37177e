/*
   Functions on the local vectors of any DM, to whose values and products each process contributes: finite elements.
*/
#include "dmimpl.h"

static PetscErrorCode ADJMap_DM(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  ADJLocalVec    xl = {0}, tl = {0}, yl = {0};
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(ADJLocalCheck_Private(adj, x, theta, PETSC_FALSE));
  PetscCall(ADJLocalGet_Private(adj->dm, x, PETSC_TRUE, &xl));
  PetscCall(ADJLocalGet_Private(adj->dmtheta, theta, PETSC_TRUE, &tl));
  PetscCall(ADJLocalGetZero_Private(adj->dm, y, &yl));
  ierr = (*adj->local.dmmap)(adj, adj->dm, xl.local, tl.local, yl.local, ctx);
  if (!ierr) PetscCall(ADJLocalAdd_Private(&yl, y));
  PetscCall(ADJLocalRestore_Private(&xl));
  PetscCall(ADJLocalRestore_Private(&tl));
  PetscCall(ADJLocalRestore_Private(&yl));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The ghost update of a direction must be linear */
static PetscErrorCode ADJRefuseBias_Private(DM dm)
{
  Vec bias = NULL;

  PetscFunctionBegin;
  if (dm) PetscCall(DMGetDefaultConstraints(dm, NULL, NULL, &bias));
  PetscCheck(!bias, PetscObjectComm((PetscObject)dm), PETSC_ERR_SUP, "Constraints with a bias, see DMSetDefaultConstraints(), are not linear, and so have no products on local vectors");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = G^T f(G x): w is what G makes of it */
static PetscErrorCode ADJVJP_DM(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  ADJLocalVec    xl = {0}, tl = {0}, wl = {0}, xbarl = {0}, tbarl = {0};
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(ADJLocalCheck_Private(adj, x, theta, PETSC_FALSE));
  PetscCall(ADJRefuseBias_Private(adj->dm));
  PetscCall(ADJRefuseBias_Private(adj->dmtheta));
  PetscCall(ADJLocalGet_Private(adj->dm, x, PETSC_TRUE, &xl));
  PetscCall(ADJLocalGet_Private(adj->dmtheta, theta, PETSC_TRUE, &tl));
  PetscCall(ADJLocalGet_Private(adj->dm, w, PETSC_FALSE, &wl));
  if (xbar) PetscCall(ADJLocalGetZero_Private(adj->dm, xbar, &xbarl));
  if (thetabar) PetscCall(ADJLocalGetZero_Private(adj->dmtheta, thetabar, &tbarl));
  ierr = (*adj->local.dmvjp)(adj, adj->dm, xl.local, tl.local, wl.local, xbarl.local, tbarl.local, ctx);
  if (!ierr && xbar) PetscCall(ADJLocalAdd_Private(&xbarl, xbar));
  if (!ierr && thetabar) PetscCall(ADJLocalAdd_Private(&tbarl, thetabar));
  PetscCall(ADJLocalRestore_Private(&xl));
  PetscCall(ADJLocalRestore_Private(&tl));
  PetscCall(ADJLocalRestore_Private(&wl));
  PetscCall(ADJLocalRestore_Private(&xbarl));
  PetscCall(ADJLocalRestore_Private(&tbarl));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJJVP_DM(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  ADJLocalVec    xl = {0}, tl = {0}, xdotl = {0}, tdotl = {0}, yl = {0};
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(ADJLocalCheck_Private(adj, x, theta, PETSC_FALSE));
  PetscCall(ADJRefuseBias_Private(adj->dm));
  PetscCall(ADJRefuseBias_Private(adj->dmtheta));
  PetscCall(ADJLocalGet_Private(adj->dm, x, PETSC_TRUE, &xl));
  PetscCall(ADJLocalGet_Private(adj->dmtheta, theta, PETSC_TRUE, &tl));
  if (xdot) PetscCall(ADJLocalGet_Private(adj->dm, xdot, PETSC_FALSE, &xdotl));
  if (thetadot) PetscCall(ADJLocalGet_Private(adj->dmtheta, thetadot, PETSC_FALSE, &tdotl));
  PetscCall(ADJLocalGetZero_Private(adj->dm, ydot, &yl));
  ierr = (*adj->local.dmjvp)(adj, adj->dm, xl.local, tl.local, xdotl.local, tdotl.local, yl.local, ctx);
  if (!ierr) PetscCall(ADJLocalAdd_Private(&yl, ydot));
  PetscCall(ADJLocalRestore_Private(&xl));
  PetscCall(ADJLocalRestore_Private(&tl));
  PetscCall(ADJLocalRestore_Private(&xdotl));
  PetscCall(ADJLocalRestore_Private(&tdotl));
  PetscCall(ADJLocalRestore_Private(&yl));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Installs the map that calls a function on local patches; `other`: not the one that is there */
PetscErrorCode ADJSetLocalMap_Private(ADJ adj, ADJForm form, ADJMapFn *map, void *ctx, PetscBool other)
{
  PetscFunctionBegin;
  PetscCheck(form == ADJ_FIXED_POINT || form == ADJ_RESIDUAL, PetscObjectComm((PetscObject)adj), PETSC_ERR_ARG_OUTOFRANGE, "The form must be ADJ_FIXED_POINT or ADJ_RESIDUAL: it says whether the function computes F, with x = F(x, theta), or R, with R(x, theta) = 0");
  if (form == ADJ_FIXED_POINT)
    PetscCall(ADJSetFixedPoint(adj, map, ctx));
  else
    PetscCall(ADJSetResidual(adj, map, ctx));
  if (other) adj->state->id = 0; /* the solution is that of another problem */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJDMSetMapLocal - Defines the state by a function on the local vectors of a `DM`, such as a `DMPLEX`

   Logically collective

   Input Parameters:
+  adj  - the context
.  form - `ADJ_FIXED_POINT` if the function computes F, with x = F(x, theta); `ADJ_RESIDUAL` if it computes R, with R(x, theta) = 0
.  f    - the function
-  ctx  - context passed to `f`, may be `NULL`

   Calling sequence of `f`:
.vb
   PetscErrorCode f(ADJ adj, DM dm, Vec xlocal, Vec thetalocal, Vec ylocal, void *ctx)
.ve
+  dm         - that of `ADJSetDM()`
.  xlocal     - state with ghosts and constrained unknowns
.  thetalocal - parameters: a local vector of the `DM` of `ADJSetParameterDM()`; without one, a sequential vector of all m values
.  ylocal     - zero; to be added to
-  ctx        - the user's context

   Level: intermediate

   Notes:
   The sum of ylocal over the processes is the value: each adds the contributions of its own cells, also to points that another process owns
   (`DMLocalToGlobal()` with `ADD_VALUES`). Of cells that several processes see, as with an overlap, only one may contribute.

   Constrained unknowns are no part of x. In xlocal they hold the boundary values of `DMAddBoundary()`, at time 0, and zero where there are none. The
   function may overwrite them in xlocal, for example by values that it reads from thetalocal. What is
   added to them in ylocal is dropped.

   Example, with finite elements in a section on a `DMPLEX`:
.vb
   static PetscErrorCode Residual(ADJ adj, DM dm, Vec xlocal, Vec thetalocal, Vec ylocal, void *ctx)
   {
     DM           dmtheta;
     PetscSection section, tsection;
     PetscScalar *x = NULL, *k = NULL, y[4];
     PetscInt     start, end, n;

     PetscFunctionBeginUser;
     PetscCall(ADJGetParameterDM(adj, &dmtheta));
     PetscCall(DMGetLocalSection(dm, &section));
     PetscCall(DMGetLocalSection(dmtheta, &tsection));
     PetscCall(DMPlexGetHeightStratum(dm, 0, &start, &end));
     for (PetscInt c = start; c < end; c++) {
       PetscCall(DMPlexVecGetClosure(dm, section, xlocal, c, &n, &x));
       PetscCall(DMPlexVecGetClosure(dmtheta, tsection, thetalocal, c, NULL, &k));
       ElementResidual(n, x, k[0], y);
       PetscCall(DMPlexVecSetClosure(dm, section, ylocal, c, y, ADD_VALUES));
       PetscCall(DMPlexVecRestoreClosure(dm, section, xlocal, c, &n, &x));
       PetscCall(DMPlexVecRestoreClosure(dmtheta, tsection, thetalocal, c, NULL, &k));
     }
     PetscFunctionReturn(PETSC_SUCCESS);
   }

   PetscCall(ADJSetDM(adj, dm));
   PetscCall(ADJSetParameterDM(adj, dmtheta));
   PetscCall(ADJDMSetMapLocal(adj, ADJ_RESIDUAL, Residual, NULL));
   PetscCall(ADJDMSetVJPLocal(adj, ResidualVJP, NULL));
.ve

   Errors:
   At the first call, `PETSC_ERR_ORDER` without a `DM`, `PETSC_ERR_ARG_SIZ` if the vectors do not fit.

.seealso: `ADJDMSetVJPLocal()`, `ADJDMSetJVPLocal()`, `ADJSetDM()`, `ADJSetParameterDM()`, `ADJDMDASetMapLocal()`, `ADJSetFixedPoint()`, `ADJSetResidual()`
@*/
PetscErrorCode ADJDMSetMapLocal(ADJ adj, ADJForm form, ADJDMMapFn *f, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJSetLocalMap_Private(adj, form, f ? ADJMap_DM : NULL, ctx, (PetscBool)(f != adj->local.dmmap)));
  adj->local.dmmap = f;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJDMSetVJPLocal - Sets the vector-Jacobian products of F or R by a function on the local vectors of a `DM`

   Logically collective

   Input Parameters:
+  adj - the context
.  vjp - adds the transposed products of what this process contributes to F or R
-  ctx - context passed to `vjp`, may be `NULL`

   Calling sequence of `vjp`:
.vb
   PetscErrorCode vjp(ADJ adj, DM dm, Vec xlocal, Vec thetalocal, Vec wlocal, Vec xbarlocal, Vec thetabarlocal, void *ctx)
.ve
+  dm            - that of `ADJSetDM()`
.  xlocal        - state with ghosts and constrained unknowns, see `ADJDMSetMapLocal()`
.  thetalocal    - parameters, with ghosts or as a small set, see `ADJDMSetMapLocal()`
.  wlocal        - cotangent of the value of F or R, with ghosts; zero at constrained unknowns
.  xbarlocal     - zero; to be added to; `NULL` if not wanted
.  thetabarlocal - as thetalocal, zero; to be added to; `NULL` if not wanted
-  ctx           - the user's context

   Level: intermediate

   Notes:
   The library adds up over the processes. What is added to constrained unknowns in xbarlocal is dropped: where their values depend on theta, carry it on to
   thetabarlocal first, also if xbarlocal is `NULL`. `DMPlexVecSetClosure()` adds to them with `ADD_ALL_VALUES`, and leaves them out with `ADD_VALUES`.

   Independent of how F or R was given: also for `ADJSetSNES()` with a solver that has a `DM`. With complex scalars the transpose is the Hermitian transpose.

   Example, for that of `ADJDMSetMapLocal()`, whose elements are x -> k K x - b with a symmetric K of four rows:
.vb
   for (PetscInt c = start; c < end; c++) {
     PetscScalar *x = NULL, *k = NULL, *w = NULL, xbar[4], Kx[4], kbar = 0.0;

     PetscCall(DMPlexVecGetClosure(dm, section, xlocal, c, &n, &x));
     PetscCall(DMPlexVecGetClosure(dm, section, wlocal, c, NULL, &w));
     PetscCall(DMPlexVecGetClosure(dmtheta, tsection, thetalocal, c, NULL, &k));
     ElementMatrixMult(PetscConj(k[0]), w, xbar);
     ElementMatrixMult(1.0, x, Kx);
     for (PetscInt i = 0; i < 4; i++) kbar += PetscConj(Kx[i]) * w[i];
     if (xbarlocal) PetscCall(DMPlexVecSetClosure(dm, section, xbarlocal, c, xbar, ADD_VALUES));
     if (thetabarlocal) PetscCall(DMPlexVecSetClosure(dmtheta, tsection, thetabarlocal, c, &kbar, ADD_VALUES));
     PetscCall(DMPlexVecRestoreClosure(dm, section, xlocal, c, &n, &x));
     PetscCall(DMPlexVecRestoreClosure(dm, section, wlocal, c, NULL, &w));
     PetscCall(DMPlexVecRestoreClosure(dmtheta, tsection, thetalocal, c, NULL, &k));
   }
.ve

   Errors:
   As `ADJDMSetMapLocal()`; `PETSC_ERR_SUP` for constraints with a bias, see `DMSetDefaultConstraints()`.

.seealso: `ADJDMSetMapLocal()`, `ADJDMSetJVPLocal()`, `ADJSetVJP()`, `ADJTestVJP()`, `ADJSetParameterDM()`
@*/
PetscErrorCode ADJDMSetVJPLocal(ADJ adj, ADJDMVJPFn *vjp, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJSetVJP(adj, vjp ? ADJVJP_DM : NULL, ctx));
  adj->local.dmvjp = vjp;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJDMSetJVPLocal - Sets the Jacobian-vector product of F or R by a function on the local vectors of a `DM`

   Logically collective

   Input Parameters:
+  adj - the context
.  jvp - adds what this process contributes to ydot = dF/dx xdot + dF/dtheta thetadot at (x, theta)
-  ctx - context passed to `jvp`, may be `NULL`

   Calling sequence of `jvp`:
.vb
   PetscErrorCode jvp(ADJ adj, DM dm, Vec xlocal, Vec thetalocal, Vec xdotlocal, Vec thetadotlocal, Vec ydotlocal, void *ctx)
.ve
+  dm            - that of `ADJSetDM()`
.  xlocal        - state with ghosts and constrained unknowns, see `ADJDMSetMapLocal()`
.  thetalocal    - parameters, with ghosts or as a small set, see `ADJDMSetMapLocal()`
.  xdotlocal     - direction in the state, with ghosts, zero at constrained unknowns; `NULL` stands for zero
.  thetadotlocal - direction in the parameters, as thetalocal; `NULL` stands for zero
.  ydotlocal     - zero; to be added to
-  ctx           - the user's context

   Level: intermediate

   Note:
   Optional, see `ADJSetJVP()`. Where the values of constrained unknowns depend on theta, their derivatives belong to the product with thetadotlocal.

.seealso: `ADJDMSetMapLocal()`, `ADJDMSetVJPLocal()`, `ADJSetJVP()`, `ADJTestVJP()`
@*/
PetscErrorCode ADJDMSetJVPLocal(ADJ adj, ADJDMJVPFn *jvp, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJSetJVP(adj, jvp ? ADJJVP_DM : NULL, ctx));
  adj->local.dmjvp = jvp;
  PetscFunctionReturn(PETSC_SUCCESS);
}
