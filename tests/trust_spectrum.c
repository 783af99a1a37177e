static char help[] = "The leading eigenvalues of dF/dx as they are shown, against prescribed spectra.\n\n";

/*
   nsize: 1 2
*/
#include "problems.h"
#include "files.h"

#define UNKNOWNS 12

/* Eigenvalue i of the problem, whose pairs are conjugate */
static PetscErrorCode Known(Spectrum spectrum, PetscReal rho, PetscInt i, PetscReal *re, PetscReal *im)
{
  const PetscInt    first  = i - i % 2;
  const PetscReal   r      = first ? 0.8 * rho * (UNKNOWNS - first) / UNKNOWNS : rho;
  const PetscScalar lambda = Eigenvalue(UNKNOWNS, SPECTRUM_REAL, rho, i);

  PetscFunctionBeginUser;
  *re = spectrum == SPECTRUM_PAIRS ? r * PetscCosReal(2.0 + first) : PetscRealPart(lambda);
  *im = spectrum == SPECTRUM_PAIRS ? (i % 2 ? -1.0 : 1.0) * r * PetscSinReal(2.0 + first) : PetscImaginaryPart(lambda);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscReal Distance(PetscReal a, PetscReal b)
{
  return PetscSqrtReal(a * a + b * b);
}

/* One gradient, with the eigensolver's subspace as large as the state: all eigenvalues are found */
static PetscErrorCode Derive(Spectrum spectrum, PetscReal rho, PetscBool residual, const char text[], Problem *p)
{
  PetscOptions options;
  char         all[512];

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(all, sizeof(all), "-adj_forward_snes_type newtonls -adj_trust_action ignore %s %s", residual ? "" : "-adj_eps_ncv 12 -adj_eps_tol 1e-10", text));
  PetscCall(OptionsBegin(all, &options));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, UNKNOWNS, LAYOUT_UNEVEN, 3, LAYOUT_EVEN, spectrum, rho, p));
  p->residual = residual;
  PetscCall(ProblemCreateADJ(p));
  PetscCall(ADJSetFromOptions(p->adj));
  PetscCall(ADJSolve(p->adj, p->theta, p->x));
  PetscCall(ADJSolveAdjoint(p->adj, p->v, p->thetabar));
  PetscCall(OptionsEnd(&options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The text that an ASCII viewer gets, on every process */
static PetscErrorCode ViewText(ADJ adj, PetscViewerFormat format, char **text)
{
  PetscViewer viewer;

  PetscFunctionBeginUser;
  PetscCall(PetscViewerASCIIOpen(PETSC_COMM_WORLD, "text", &viewer));
  PetscCall(PetscViewerPushFormat(viewer, format));
  PetscCall(ADJTrustViewSpectrum(adj, viewer));
  PetscCall(PetscViewerPopFormat(viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(FileRead("text", NULL, text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscInt CountLines(const char text[], const char start[])
{
  PetscInt n = 0;

  for (const char *at = text; at && *at; at += strcspn(at, "\n") + 1) n += !strncmp(at, start, strlen(start));
  return n;
}

/* The numbers against what is known: each is an eigenvalue, the largest comes first */
static PetscErrorCode TestNumbers(ADJ adj, Spectrum spectrum, PetscReal rho, const char name[])
{
  char     *text, *at;
  PetscReal worst = 0.0, bad = 0.0, last = PETSC_INFINITY, best[UNKNOWNS];
  PetscInt  n = 0;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < UNKNOWNS; i++) best[i] = PETSC_INFINITY;
  PetscCall(ViewText(adj, PETSC_VIEWER_ASCII_CSV, &text));
  PetscCall(TapOk((PetscBool)(CountLines(text, "re,im,modulus,residual\n") == 1), "%s: comma-separated values have a headline", name));
  for (at = text + strcspn(text, "\n") + 1; *at; at += strcspn(at, "\n") + 1) {
    double    re, im, modulus, residual;
    PetscReal nearest = PETSC_INFINITY;

    PetscCheck(sscanf(at, "%lf,%lf,%lf,%lf", &re, &im, &modulus, &residual) == 4, PETSC_COMM_WORLD, PETSC_ERR_FILE_UNEXPECTED, "Not four numbers: %s", at);
    for (PetscInt i = 0; i < UNKNOWNS; i++) {
      PetscReal kre, kim;

      PetscCall(Known(spectrum, rho, i, &kre, &kim));
      best[i] = PetscMin(best[i], Distance(re - kre, im - kim));
      nearest = PetscMin(nearest, Distance(re - kre, im - kim));
    }
    worst = PetscMax(worst, nearest);
    bad   = PetscMax(bad, PetscMax(PetscAbsReal(modulus - Distance(re, im)), PetscMax(modulus - last, -residual)));
    last  = modulus;
    n++;
  }
  PetscCall(PetscFree(text));
  PetscCall(TapOk((PetscBool)(n == UNKNOWNS), "%s: as many as there are", name));
  PetscCall(TapBelow(worst, 1e-8, "%s: each of them is an eigenvalue", name));
  for (PetscInt i = 0; i < UNKNOWNS; i++) worst = PetscMax(worst, best[i]);
  PetscCall(TapBelow(worst, 1e-8, "%s: and each eigenvalue is among them", name));
  PetscCall(TapBelow(bad, 1e-8, "%s: moduli fit and fall, residuals are not negative", name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The pairs key=value, the matrix, and the table */
static PetscErrorCode TestTexts(ADJ adj, PetscInt outside, const char name[])
{
  const char *at;
  char       *text, *found;
  double      re, im, modulus, residual, radius, error;
  int         index, values = 0, converged = 0, here = 0;
  PetscInt    n = 0, bad = 0, out = 0;
  PetscReal   rho;

  PetscFunctionBeginUser;
  PetscCall(ADJGetContraction(adj, &rho, NULL));
  PetscCall(ViewText(adj, PETSC_VIEWER_ASCII_INFO, &text));
  PetscCall(TapOk((PetscBool)(sscanf(text, "adj_spectrum values=%d radius=%lf error=%lf converged=%d here=%d\n", &values, &radius, &error, &converged, &here) == 5 && values == UNKNOWNS && converged == 1 && here == 1 && PetscAbsReal(radius - rho) < 1e-8 && error >= 0.0), "%s: the line of the spectrum", name));
  for (at = text + strcspn(text, "\n") + 1; *at; at += strcspn(at, "\n") + 1) {
    char where[16] = "";

    if (sscanf(at, "adj_eigenvalue index=%d re=%lf im=%lf modulus=%lf residual=%lf where=%15s\n", &index, &re, &im, &modulus, &residual, where) != 6 || index != n || PetscAbsReal(modulus - Distance(re, im)) > 1e-8 || strcmp(where, modulus < 1.0 ? "inside" : "outside")) bad++;
    out += !strcmp(where, "outside");
    n++;
  }
  PetscCall(TapOk((PetscBool)(n == UNKNOWNS && !bad && out == outside), "%s: a line for each eigenvalue, %" PetscInt_FMT " outside", name, out));
  PetscCall(PetscFree(text));
  PetscCall(ViewText(adj, PETSC_VIEWER_ASCII_MATLAB, &text));
  PetscCall(TapOk((PetscBool)(CountLines(text, "adj_spectrum = [") == 1 && CountLines(text, "];") == 1 && CountLines(text, "") == UNKNOWNS + 2), "%s: a matrix", name));
  PetscCall(PetscFree(text));
  PetscCall(ViewText(adj, PETSC_VIEWER_DEFAULT, &text));
  PetscCall(PetscStrstr(text, "measured at this solution", &found));
  PetscCall(TapOk((PetscBool)(found == strstr(text, "measured") && found), "%s: a table, of this solution", name));
  for (n = 0, out = 0, at = text; at && *at; at += strcspn(at, "\n") + 1) {
    const size_t length = strcspn(at, "\n");

    n += length > 8 && !strncmp(at + length - 8, "  inside", 8);
    out += length > 9 && !strncmp(at + length - 9, "  outside", 9);
    bad += length && at[length - 1] == ' ';
  }
  PetscCall(TapOk((PetscBool)(n == UNKNOWNS - outside && out == outside && !bad && CountLines(text, "") == UNKNOWNS + 2 + 21 + 1), "%s: a row for each, and a picture in characters", name));
  n   = 0;
  out = 0;
  for (at = strstr(text, "side\n  "); at && *at; at++) { /* the picture: behind the last row */
    if (!strstr(at, "side\n")) break;
  }
  for (; at && *at && strncmp(at, ". unit", 6); at++) {
    n += *at == '.';
    out += *at == 'O';
  }
  PetscCall(TapOk((PetscBool)(n > 40 && (out > 0) == (outside > 0)), "%s: in which the circle is drawn, and what is outside", name));
  PetscCall(PetscFree(text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A file without a display. With the pixel (x, y) of an eigenvalue, circles and marks are where they belong */
static PetscErrorCode TestPicture(Spectrum spectrum, PetscReal rho, const char name[])
{
  Problem     p;
  Picture     picture;
  PetscReal   re, im, extent = 1.0, scale;
  PetscInt    missing = 0;
  PetscBool   exists;
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (!rank) PetscCall(PetscMkdir("spectrum"));
  PetscCall(Derive(spectrum, rho, PETSC_FALSE, "-adj_trust_view_spectrum draw:image:spectrum.ppm", &p));
  PetscCall(PictureRead("spectrum.ppm", &picture));
  PetscCall(TapOk((PetscBool)(picture.w == 640 && picture.h == 640), "%s: a picture of the right size", name));
  PetscCall(PetscTestDirectory("spectrum", 'r', &exists));
  PetscCall(TapOk(exists, "%s: a folder of that name is left alone", name));
  for (PetscInt i = 0; i < UNKNOWNS; i++) {
    PetscCall(Known(spectrum, rho, i, &re, &im));
    extent = PetscMax(extent, PetscMax(PetscAbsReal(re), PetscAbsReal(im)));
  }
  scale = 0.5 * picture.w / (1.2 * extent);
  for (PetscInt i = 0; i < UNKNOWNS && picture.w; i++) {
    PetscCall(Known(spectrum, rho, i, &re, &im));
    if (PictureCount(&picture, (int)(320.0 + scale * re), (int)(320.0 - scale * im), 2, Distance(re, im) < 1.0 ? 'g' : 'r') < 4) missing++;
  }
  PetscCall(TapOk((PetscBool)!missing, "%s: each eigenvalue has its mark, red outside and green inside", name));
  missing = 0;
  for (PetscInt i = 0; i < 16 && picture.w; i++) {
    const PetscReal a = 0.1 + PETSC_PI * i / 8.0;

    if (!PictureCount(&picture, (int)(320.0 + scale * PetscCosReal(a)), (int)(320.0 - scale * PetscSinReal(a)), 2, 'b')) missing++;
  }
  PetscCall(TapOk((PetscBool)(missing <= 2), "%s: the circle is where it belongs", name)); /* a mark may cover it */
  PetscCall(PetscFree(picture.bytes));
  PetscCall(ProblemDestroy(&p));
  if (!rank) PetscCall(PetscRMTree("spectrum"));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestSpectrum(Spectrum spectrum, PetscReal rho, PetscInt outside, const char options[], const char name[])
{
  Problem p;

  PetscFunctionBeginUser;
  PetscCall(Derive(spectrum, rho, PETSC_FALSE, options, &p));
  PetscCall(TestNumbers(p.adj, spectrum, rho, name));
  PetscCall(TestTexts(p.adj, outside, name));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An option shows each measurement once: not with a second derivative at one state, not where it was carried over */
static PetscErrorCode TestOnce(void)
{
  Problem      p;
  PetscOptions options;
  char        *text;

  PetscFunctionBeginUser;
  PetscCall(OptionsBegin("-adj_trust_view_spectrum ascii:once:ascii_info:append", &options));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, UNKNOWNS, LAYOUT_EVEN, 3, LAYOUT_EVEN, SPECTRUM_REAL, 0.8, &p));
  PetscCall(ProblemCreateADJ(&p));
  PetscCall(ADJSetFromOptions(p.adj));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(FileRead("once", NULL, &text));
  PetscCall(TapOk((PetscBool)(CountLines(text, "adj_spectrum ") == 1), "an option shows a measurement once"));
  PetscCall(PetscFree(text));
  PetscCall(ViewText(p.adj, PETSC_VIEWER_DEFAULT, &text));
  PetscCall(TapOk((PetscBool)(strstr(text, "measured at an earlier solution") != NULL), "one that was carried over is of an earlier solution"));
  PetscCall(PetscFree(text));
  PetscCall(ADJReset(p.adj));
  PetscCall(VecSet(p.x, 0.0));
  PetscCall(ADJSolve(p.adj, p.theta, p.x));
  PetscCall(ADJSolveAdjoint(p.adj, p.v, p.thetabar));
  PetscCall(FileRead("once", NULL, &text));
  PetscCall(TapOk((PetscBool)(CountLines(text, "adj_spectrum ") == 2), "after ADJReset() there is a new one"));
  PetscCall(PetscFree(text));
  PetscCall(OptionsEnd(&options));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Nothing to show: one line says so, with the first verdict alone */
static PetscErrorCode TestNothing(void)
{
  Problem      p;
  PetscOptions options;
  PetscViewer  viewer;
  char        *text;

  PetscFunctionBeginUser;
  PetscCall(Derive(SPECTRUM_REAL, 0.8, PETSC_TRUE, "-adj_trust_view_spectrum ascii:nothing::append", &p));
  PetscCall(OptionsBegin("-adj_trust_view_spectrum ascii:nothing::append", &options));
  PetscCall(ADJSolveTangent(p.adj, p.thetadot, p.xdot));
  PetscCall(PetscOptionsPop());
  PetscCall(PetscOptionsDestroy(&options)); /* it is not asked for again */
  PetscCall(FileRead("nothing", NULL, &text));
  PetscCall(TapOk((PetscBool)(CountLines(text, "") == 1 && CountLines(text, "No eigenvalues of dF/dx") == 1), "residual form: one line says that there is nothing"));
  PetscCall(PetscFree(text));
  PetscCall(ViewText(p.adj, PETSC_VIEWER_ASCII_INFO, &text));
  PetscCall(TapOk((PetscBool)!strcmp(text, "adj_spectrum values=0\n"), "residual form: and so does the line for scripts"));
  PetscCall(PetscFree(text));
  PetscCall(PetscViewerCreate(PETSC_COMM_WORLD, &viewer)); /* PETSc's own way with a file, for a viewer of the user's */
  PetscCall(PetscViewerSetType(viewer, PETSCVIEWERDRAW));
  PetscCall(PetscViewerDrawSetDrawType(viewer, PETSC_DRAW_IMAGE));
  PetscCall(PetscViewerDrawResize(viewer, 200, 100));
  PetscCall(ADJTrustViewSpectrum(p.adj, viewer));
  PetscCall(ADJTrustView(p.adj, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(TapOk(PETSC_TRUE, "residual form: a picture of nothing is no error"));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Files files;
  int   failed;

  PetscFunctionBeginUser;
  PetscCall(SlepcInitialize(&argc, &argv, NULL, help));
  PetscCall(TapBegin());
  PetscCall(FilesBegin(&files));
  PetscCall(TestSpectrum(SPECTRUM_REAL, 0.8, 0, "", "one eigenvalue"));
  PetscCall(TestSpectrum(SPECTRUM_PAIRS, 0.8, 0, "", "a pair"));
  PetscCall(TestSpectrum(SPECTRUM_REAL, 1.3, 1, "", "one eigenvalue outside"));
  PetscCall(TestSpectrum(SPECTRUM_PAIRS, 1.3, 2, "", "a pair outside"));
  PetscCall(TestSpectrum(SPECTRUM_PAIRS, 1.3, 2, "-adj_eps_type lapack", "by LAPACK"));
  PetscCall(TestPicture(SPECTRUM_REAL, 1.3, "one eigenvalue outside"));
  PetscCall(TestPicture(SPECTRUM_PAIRS, 0.8, "a pair"));
  PetscCall(TestOnce());
  PetscCall(TestNothing());
  PetscCall(FilesEnd(&files));
  failed = TapEnd();
  PetscCall(SlepcFinalize());
  return failed;
}
