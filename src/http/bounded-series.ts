/**
 * Which series a model and a tenant are counted under, so that their number stays bounded whatever callers do: the
 * first pairs get their own, and no tenant more than its share of them; later models of a tenant that is known count as
 * its `other`, and everything else as `other` of `other`.
 */
export interface SeriesLimits {
  /** Pairs of a model and a tenant with their own series. */
  readonly maxPairs: number;
  /** Of these, one tenant's: who makes up models must not use up the names of all. */
  readonly maxPairsPerTenant: number;
  /** Tenants that are told apart, if only by their `other`. */
  readonly maxTenants: number;
}

export const OTHER = 'other';

interface TenantSeries<T> {
  readonly byModel: Map<string, T>;
  /** For its models beyond the limits; made when the first of them comes. */
  rest: T | null;
}

/** @param make called once for each pair that gets its own, and for each `other` */
export function createBoundedSeries<T>(
  limits: SeriesLimits,
  make: (labels: { readonly model: string; readonly tenant: string }) => T,
): (model: string, tenant: string) => T {
  const tenants = new Map<string, TenantSeries<T>>();
  let pairs = 0;
  let rest: T | null = null;

  function restOfAll(): T {
    return (rest ??= make({ model: OTHER, tenant: OTHER }));
  }

  return (model, tenant) => {
    let known = tenants.get(tenant);
    const found = known?.byModel.get(model);
    if (found !== undefined) return found;
    if (known === undefined) {
      // A tenant or a model of this name cannot exist beside ours, or two series would have the same labels.
      if (tenants.size >= limits.maxTenants || tenant === OTHER) return restOfAll();
      known = { byModel: new Map(), rest: null };
      tenants.set(tenant, known);
    }
    if (pairs >= limits.maxPairs || known.byModel.size >= limits.maxPairsPerTenant || model === OTHER) {
      return (known.rest ??= make({ model: OTHER, tenant }));
    }
    pairs += 1;
    const made = make({ model, tenant });
    known.byModel.set(model, made);
    return made;
  };
}
