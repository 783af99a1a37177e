/*
   Functions on the local patch of a DMDA, with arrays, as DMDASNESSetFunctionLocal() has them.
*/
#include "dmimpl.h"

static PetscErrorCode ADJGetArray_DMDA(ADJLocalVec *l)
{
  PetscFunctionBegin;
  if (!l->local) PetscFunctionReturn(PETSC_SUCCESS);
  if (l->dm)
    PetscCall(DMDAVecGetArray(l->dm, l->local, &l->array));
  else
    PetscCall(VecGetArray(l->local, (PetscScalar **)&l->array));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJRestoreArray_DMDA(ADJLocalVec *l)
{
  PetscFunctionBegin;
  if (!l->local) PetscFunctionReturn(PETSC_SUCCESS);
  if (l->dm)
    PetscCall(DMDAVecRestoreArray(l->dm, l->local, &l->array));
  else
    PetscCall(VecRestoreArray(l->local, (PetscScalar **)&l->array));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of values and directions; v may be NULL */
static PetscErrorCode ADJGet_DMDA(DM dm, Vec v, ADJLocalVec *l)
{
  PetscFunctionBegin;
  if (!v) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJLocalGet_Private(dm, v, PETSC_TRUE, l));
  PetscCall(ADJGetArray_DMDA(l));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJGetZero_DMDA(DM dm, Vec v, ADJLocalVec *l)
{
  PetscFunctionBegin;
  if (!v) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJLocalGetZero_Private(dm, v, l));
  PetscCall(ADJGetArray_DMDA(l));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJRestore_DMDA(ADJLocalVec *l)
{
  PetscFunctionBegin;
  PetscCall(ADJRestoreArray_DMDA(l));
  PetscCall(ADJLocalRestore_Private(l));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* After the function: what it added up goes to v, unless it failed */
static PetscErrorCode ADJRestoreSum_DMDA(PetscErrorCode ierr, Vec v, ADJLocalVec *l)
{
  PetscFunctionBegin;
  PetscCall(ADJRestoreArray_DMDA(l));
  if (!ierr && v) PetscCall(ADJLocalAdd_Private(l, v));
  PetscCall(ADJLocalRestore_Private(l));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJMap_DMDA(ADJ adj, Vec x, Vec theta, Vec y, void *ctx)
{
  const PetscBool own = (PetscBool)(adj->local.damap != NULL); /* else it is one of ADJDMDASetFunctionLocal() */
  ADJLocalVec     xl = {0}, tl = {0};
  DMDALocalInfo   info;
  void           *ya;
  PetscErrorCode  ierr;

  PetscFunctionBegin;
  PetscCall(ADJLocalCheck_Private(adj, x, own ? theta : NULL, PETSC_TRUE));
  PetscCall(DMDAGetLocalInfo(adj->dm, &info));
  PetscCall(ADJGet_DMDA(adj->dm, x, &xl));
  if (own) PetscCall(ADJGet_DMDA(adj->dmtheta, theta, &tl));
  PetscCall(DMDAVecGetArrayWrite(adj->dm, y, &ya));
  ierr = own ? (*adj->local.damap)(adj, &info, xl.array, tl.array, ya, ctx) : (*adj->local.dafunction)(&info, xl.array, ya, ctx);
  PetscCall(DMDAVecRestoreArrayWrite(adj->dm, y, &ya));
  PetscCall(ADJRestore_DMDA(&xl));
  PetscCall(ADJRestore_DMDA(&tl));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJPullBack_DMDA(ADJ adj, ADJDMDAVJPFn *vjp, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  ADJLocalVec    xl = {0}, tl = {0}, xbarl = {0}, tbarl = {0};
  DMDALocalInfo  info;
  void          *wa;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(ADJLocalCheck_Private(adj, x, theta, PETSC_TRUE));
  PetscCall(DMDAGetLocalInfo(adj->dm, &info));
  PetscCall(ADJGet_DMDA(adj->dm, x, &xl));
  PetscCall(ADJGet_DMDA(adj->dmtheta, theta, &tl));
  PetscCall(ADJGetZero_DMDA(adj->dm, xbar, &xbarl));
  PetscCall(ADJGetZero_DMDA(adj->dmtheta, thetabar, &tbarl));
  PetscCall(DMDAVecGetArrayRead(adj->dm, w, &wa));
  ierr = (*vjp)(adj, &info, xl.array, tl.array, wa, xbarl.array, tbarl.array, ctx);
  PetscCall(DMDAVecRestoreArrayRead(adj->dm, w, &wa));
  PetscCall(ADJRestore_DMDA(&xl));
  PetscCall(ADJRestore_DMDA(&tl));
  PetscCall(ADJRestoreSum_DMDA(ierr, xbar, &xbarl));
  PetscCall(ADJRestoreSum_DMDA(ierr, thetabar, &tbarl));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJVJP_DMDA(ADJ adj, Vec x, Vec theta, Vec w, Vec xbar, Vec thetabar, void *ctx)
{
  PetscFunctionBegin;
  PetscCall(ADJPullBack_DMDA(adj, adj->local.davjp, x, theta, w, xbar, thetabar, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJParameterVJP_DMDA(ADJ adj, Vec x, Vec theta, Vec w, Vec thetabar, void *ctx)
{
  PetscFunctionBegin;
  PetscCall(ADJPullBack_DMDA(adj, adj->local.daparametervjp, x, theta, w, NULL, thetabar, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJJVP_DMDA(ADJ adj, Vec x, Vec theta, Vec xdot, Vec thetadot, Vec ydot, void *ctx)
{
  ADJLocalVec    xl = {0}, tl = {0}, xdotl = {0}, tdotl = {0};
  DMDALocalInfo  info;
  void          *ya;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(ADJLocalCheck_Private(adj, x, theta, PETSC_TRUE));
  PetscCall(DMDAGetLocalInfo(adj->dm, &info));
  PetscCall(ADJGet_DMDA(adj->dm, x, &xl));
  PetscCall(ADJGet_DMDA(adj->dmtheta, theta, &tl));
  PetscCall(ADJGet_DMDA(adj->dm, xdot, &xdotl));
  PetscCall(ADJGet_DMDA(adj->dmtheta, thetadot, &tdotl));
  PetscCall(DMDAVecGetArrayWrite(adj->dm, ydot, &ya));
  ierr = (*adj->local.dajvp)(adj, &info, xl.array, tl.array, xdotl.array, tdotl.array, ya, ctx);
  PetscCall(DMDAVecRestoreArrayWrite(adj->dm, ydot, &ya));
  PetscCall(ADJRestore_DMDA(&xl));
  PetscCall(ADJRestore_DMDA(&tl));
  PetscCall(ADJRestore_DMDA(&xdotl));
  PetscCall(ADJRestore_DMDA(&tdotl));
  PetscCall(ierr);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJDMDASetMapLocal - Defines the state by a function on the local patch of a `DMDA`

   Logically collective

   Input Parameters:
+  adj  - the context
.  form - `ADJ_FIXED_POINT` if the function computes F, with x = F(x, theta); `ADJ_RESIDUAL` if it computes R, with R(x, theta) = 0
.  f    - the function
-  ctx  - context passed to `f`, may be `NULL`

   Calling sequence of `f`:
.vb
   PetscErrorCode f(ADJ adj, DMDALocalInfo *info, void *x, void *theta, void *y, void *ctx)
.ve
+  info  - the patch, see `DMDAGetLocalInfo()`
.  x     - state with ghosts, as of `DMDAVecGetArray()`
.  theta - parameters: with ghosts, as of `DMDAVecGetArray()` on the `DMDA` of `ADJSetParameterDM()`; without one, all m values on each process
.  y     - to be computed on the part of the patch that this process owns
-  ctx   - the user's context

   Level: beginner

   Notes:
   As `DMDASNESSetFunctionLocal()`: arrays with one, two or three indices, global ones; `PetscScalar**`, or `Field**` with a struct of dof
   scalars. Ghosts are up to date. Those outside of the domain are zero with `DM_BOUNDARY_GHOSTED`, copies with
   `DM_BOUNDARY_PERIODIC` and `DM_BOUNDARY_MIRROR`, and do not exist with `DM_BOUNDARY_NONE`. Only y may be changed.

   The `DMDA` of the state is that of `ADJSetDM()`. The parameters may have another number of unknowns at a point, another stencil, another
   grid; with the same process grid their patch covers that of the state. A `DMDA` has points on each process.

   Example:
.vb
   // -u'' + u^3 = theta, u = 0 at both ends; the state and the source live on the same points
   static PetscErrorCode Residual(ADJ adj, DMDALocalInfo *info, void *px, void *ptheta, void *py, void *ctx)
   {
     PetscScalar *x = (PetscScalar *)px, *theta = (PetscScalar *)ptheta, *y = (PetscScalar *)py, left, right;
     PetscReal    h2 = 1.0 / PetscSqr(info->mx + 1.0);

     PetscFunctionBeginUser;
     for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
       left  = i > 0 ? x[i - 1] : 0.0;
       right = i < info->mx - 1 ? x[i + 1] : 0.0;
       y[i]  = (2.0 * x[i] - left - right) / h2 + x[i] * x[i] * x[i] - theta[i];
     }
     PetscFunctionReturn(PETSC_SUCCESS);
   }

   PetscCall(ADJSetDM(adj, da));
   PetscCall(ADJSetParameterDM(adj, da));
   PetscCall(ADJDMDASetMapLocal(adj, ADJ_RESIDUAL, Residual, NULL));
   PetscCall(ADJDMDASetVJPLocal(adj, ResidualVJP, NULL));
.ve

   Errors:
   At the first call, `PETSC_ERR_ORDER` without a `DM`, `PETSC_ERR_ARG_WRONG` if it is no `DMDA`, `PETSC_ERR_ARG_SIZ` if the vectors do not fit.

.seealso: `ADJDMDASetVJPLocal()`, `ADJDMDASetJVPLocal()`, `ADJDMDASetFunctionLocal()`, `ADJSetDM()`, `ADJSetParameterDM()`, `ADJDMSetMapLocal()`, `ADJSetFixedPoint()`, `ADJSetResidual()`
@*/
PetscErrorCode ADJDMDASetMapLocal(ADJ adj, ADJForm form, ADJDMDAMapFn *f, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJSetLocalMap_Private(adj, form, f ? ADJMap_DMDA : NULL, ctx, (PetscBool)(f != adj->local.damap)));
  adj->local.damap = f;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJDMDASetFunctionLocal - Defines the state as the root of a function that was written for `DMDASNESSetFunctionLocal()`

   Logically collective

   Input Parameters:
+  adj - the context
.  f   - the function, unchanged; of the mode `INSERT_VALUES`
-  ctx - context passed to `f`, may be `NULL`

   Calling sequence of `f`:
.vb
   PetscErrorCode f(DMDALocalInfo *info, void *x, void *f, void *ctx)
.ve

   Level: beginner

   Notes:
   The function reads its parameters from elsewhere, most often from `ctx`: `ADJSetParameters()` says how theta gets there. The forward solver is
   that of `ADJGetSNES()`. If there is a `SNES` already, with this function and a Jacobian, take `ADJSetSNES()`.

   Example:
.vb
   static PetscErrorCode Put(ADJ adj, Vec theta, void *ctx)
   {
     const PetscScalar *t;

     PetscFunctionBeginUser;
     PetscCall(ADJParameterVecGetArrayRead(theta, &t));
     ((AppCtx *)ctx)->lambda = t[0];
     PetscCall(ADJParameterVecRestoreArrayRead(theta, &t));
     PetscFunctionReturn(PETSC_SUCCESS);
   }

   PetscCall(ADJSetDM(adj, da));
   PetscCall(ADJDMDASetFunctionLocal(adj, (ADJDMDAFunctionFn *)FormFunctionLocal, &user));
   PetscCall(ADJSetParameters(adj, Put, &user));
   PetscCall(ADJDMDASetVJPLocal(adj, FormVJPLocal, &user));
.ve

.seealso: `ADJDMDASetVJPLocal()`, `ADJSetParameters()`, `ADJSetSNES()`, `ADJDMDASetMapLocal()`
@*/
PetscErrorCode ADJDMDASetFunctionLocal(ADJ adj, ADJDMDAFunctionFn *f, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJSetLocalMap_Private(adj, ADJ_RESIDUAL, f ? ADJMap_DMDA : NULL, ctx, (PetscBool)(adj->local.damap || f != adj->local.dafunction)));
  adj->local.damap      = NULL;
  adj->local.dafunction = f;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJDMDASetVJPLocal - Sets the vector-Jacobian products of F or R by a function on the local patch of a `DMDA`

   Logically collective

   Input Parameters:
+  adj - the context
.  vjp - adds (dF/dx)^T w to xbar and (dF/dtheta)^T w to thetabar, w being zero outside of what this process owns
-  ctx - context passed to `vjp`, may be `NULL`

   Calling sequence of `vjp`:
.vb
   PetscErrorCode vjp(ADJ adj, DMDALocalInfo *info, void *x, void *theta, void *w, void *xbar, void *thetabar, void *ctx)
.ve
+  info     - the patch, see `DMDAGetLocalInfo()`
.  x        - state with ghosts
.  theta    - parameters, with ghosts or as a small set, see `ADJDMDASetMapLocal()`
.  w        - cotangent of the value of F or R, on the part of the patch that this process owns
.  xbar     - with ghosts, zero; to be added to, at ghosts too; `NULL` if not wanted
.  thetabar - as theta, zero; to be added to; `NULL` if not wanted
-  ctx      - the user's context

   Level: beginner

   Notes:
   Go through the points as the function of `ADJDMDASetMapLocal()` does. Where that reads x at a point, add to xbar at that point, ghost or not: the
   library carries the ghosts back to their owners, which is the exact transpose of the ghost update, also for periodic and
   mirrored boundaries. What is added to ghosts outside of the domain of `DM_BOUNDARY_GHOSTED` is dropped. Of a
   small set each process adds its own contributions, and the library sums over the processes.

   Independent of how F or R was given: also for `ADJSetSNES()` with a solver that has a `DMDA`. With complex scalars the transpose is the Hermitian
   transpose: add `PetscConj(dy/dx) * w`.

   Example, for that of `ADJDMDASetMapLocal()`:
.vb
   static PetscErrorCode ResidualVJP(ADJ adj, DMDALocalInfo *info, void *px, void *ptheta, void *pw, void *pxbar, void *pthetabar, void *ctx)
   {
     PetscScalar *x = (PetscScalar *)px, *w = (PetscScalar *)pw, *xbar = (PetscScalar *)pxbar, *thetabar = (PetscScalar *)pthetabar;
     PetscReal    h2 = 1.0 / PetscSqr(info->mx + 1.0);

     PetscFunctionBeginUser;
     for (PetscInt i = info->xs; i < info->xs + info->xm; i++) {
       if (xbar) {
         xbar[i] += (2.0 / h2 + 3.0 * PetscConj(x[i] * x[i])) * w[i];
         if (i > 0) xbar[i - 1] -= w[i] / h2;
         if (i < info->mx - 1) xbar[i + 1] -= w[i] / h2;
       }
       if (thetabar) thetabar[i] -= w[i];
     }
     PetscFunctionReturn(PETSC_SUCCESS);
   }
.ve

   Errors:
   As `ADJDMDASetMapLocal()`.

.seealso: `ADJDMDASetMapLocal()`, `ADJDMDASetJVPLocal()`, `ADJSetVJP()`, `ADJTestVJP()`, `ADJSetParameterDM()`, `ADJCreateParameterVec()`
@*/
PetscErrorCode ADJDMDASetVJPLocal(ADJ adj, ADJDMDAVJPFn *vjp, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJSetVJP(adj, vjp ? ADJVJP_DMDA : NULL, ctx));
  adj->local.davjp = vjp;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJDMDASetParameterVJPLocal - Sets the product with the transposed derivative of F or R in the parameters alone by a function on the
   local patch of a `DMDA`

   Logically collective

   Input Parameters:
+  adj - the context
.  vjp - adds (dF/dtheta)^T w to thetabar; as the function of `ADJDMDASetVJPLocal()`, with `NULL` for xbar
-  ctx - context passed to `vjp`, may be `NULL`

   Level: beginner

   Note:
   As `ADJSetParameterVJP()`, for problems whose Jacobian in x is a matrix, such as that of a borrowed `SNES`.

.seealso: `ADJDMDASetVJPLocal()`, `ADJSetParameterVJP()`, `ADJSetParameterDM()`, `ADJSetSNES()`
@*/
PetscErrorCode ADJDMDASetParameterVJPLocal(ADJ adj, ADJDMDAVJPFn *vjp, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  adj->local.daparametervjp = vjp;
  PetscCall(ADJSetParameterVJP(adj, vjp ? ADJParameterVJP_DMDA : NULL, ctx));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJDMDASetJVPLocal - Sets the Jacobian-vector product of F or R by a function on the local patch of a `DMDA`

   Logically collective

   Input Parameters:
+  adj - the context
.  jvp - computes ydot = dF/dx xdot + dF/dtheta thetadot at (x, theta)
-  ctx - context passed to `jvp`, may be `NULL`

   Calling sequence of `jvp`:
.vb
   PetscErrorCode jvp(ADJ adj, DMDALocalInfo *info, void *x, void *theta, void *xdot, void *thetadot, void *ydot, void *ctx)
.ve
+  info     - the patch, see `DMDAGetLocalInfo()`
.  x        - state with ghosts
.  theta    - parameters, with ghosts or as a small set, see `ADJDMDASetMapLocal()`
.  xdot     - direction in the state, with ghosts; `NULL` stands for zero
.  thetadot - direction in the parameters, as theta; `NULL` stands for zero
.  ydot     - to be computed on the part of the patch that this process owns
-  ctx      - the user's context

   Level: intermediate

   Note:
   Optional, see `ADJSetJVP()`.

.seealso: `ADJDMDASetMapLocal()`, `ADJDMDASetVJPLocal()`, `ADJSetJVP()`, `ADJTestVJP()`
@*/
PetscErrorCode ADJDMDASetJVPLocal(ADJ adj, ADJDMDAJVPFn *jvp, void *ctx)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  PetscCall(ADJSetJVP(adj, jvp ? ADJJVP_DMDA : NULL, ctx));
  adj->local.dajvp = jvp;
  PetscFunctionReturn(PETSC_SUCCESS);
}
