/* Who owns one address among three nodes, in Promela: see README.md beside this file. F_* are the rules: ALL switches them on but
   for those with NO_*. FL_* choose the faults: K of them, then all heals or nothing moves any more. P_* is the property. */
#ifdef ALL
#ifndef NO_PROOF
#define F_PROOF
#endif
#ifndef NO_WATCH
#define F_WATCH
#endif
#ifndef NO_GET
#define F_GET
#endif
#ifndef NO_TAKEN
#define F_TAKEN
#endif
#ifndef NO_REB
#define F_REB
#endif
#ifndef NO_OPEN
#define F_OPEN
#endif
#ifndef NO_DEADLAN
#define F_DEADLAN
#endif
#ifndef NO_FREEZE
#define F_FREEZE
#endif
#ifndef NO_TIE
#define F_TIE
#endif
#ifndef NO_HOLD
#define F_HOLD
#endif
#ifndef NO_SAVED
#define F_SAVED
#endif
#endif
#define N 3
#define NO 3
#define UNK 4
#ifndef K
#define K 1
#endif
#ifdef NOBFD
#define NOPEER(i) 1
#else
#define NOPEER(i) (peersup(i)==0)
#endif
#ifdef F_DEADLAN
#define G_LAN && lan[i]
#else
#define G_LAN
#endif
#ifdef F_GET
#define G_GET && !(runs(h)&&api[h])
#else
#define G_GET
#endif
#ifdef F_TAKEN
#define G_TAKEN && !vT[i]
#else
#define G_TAKEN
#endif
#ifdef F_REB
#define G_REB && !bd[i*3] && !vT[i]
#else
#define G_REB
#endif
#ifdef F_TIE
#define G_TIE && ((ann[o1(i)]&&conn(i,o1(i)) && (proof(o1(i)) || o1(i)<i)) || (ann[o2(i)]&&conn(i,o2(i)) && (proof(o2(i)) || o2(i)<i)))
#else
#define G_TIE
#endif
bool api[N], wat[N], car[N], lan[N], pr[N], up[N], frz[N];
byte H=0, S=NO; bool T=0; bool par=0;
byte vH[N], vS[N]; bool vT[N], cur[N];
bool ann[N], yl[N], susp[N];
/* sav: after a restart, what the state directory says is all that is known: the address was ours. */
bool sav[N];
byte ex[9]; bool bd[9];
bool steal=0, damp=0, reb=0, still=0, healed=0;
byte nf=0;
#define runs(i) (up[i] && !frz[i])
#define conn(i,j) (lan[i] && lan[j] && pr[i+j-1] && runs(i) && runs(j))
#define E(i) (ann[i] && runs(i) && lan[i])
#define cnt (E(0)+E(1)+E(2))
#define one (cnt==1)
#define two (cnt>=2)
#define apiall (api[0]&&api[1]&&api[2]&&runs(0)&&runs(1)&&runs(2))
#define elig(i) (runs(i)&&api[i]&&wat[i]&&car[i]&&lan[i])
#define anyelig (elig(0)||elig(1)||elig(2))
#ifdef F_PROOF
#define proof(i) (api[i]&&wat[i])
#else
#define proof(i) (api[i])
#endif
#define hears(i) ((ann[o1(i)]&&conn(i,o1(i))) || (ann[o2(i)]&&conn(i,o2(i))))
inline write(wi,wh,ws,wt) {
  if :: wh!=H -> par=1-par :: else fi;
  printf("LEASE by %d: holder=%d succ=%d taken=%d\n",wi,wh,ws,wt); H=wh; S=ws; T=wt; cur[0]=0;cur[1]=0;cur[2]=0; vH[wi]=H; vS[wi]=S; vT[wi]=T; cur[wi]=1 }
#define upc(i,j) ((i!=j) && !bd[i*3+j] && runs(j))
#define o1(i) ((i+1)%3)
#define o2(i) ((i+2)%3)
#define peersup(i) ((!bd[i*3+o1(i)]) + (!bd[i*3+o2(i)]))

proctype node(byte i) {
  byte h;
end: do
  :: atomic { runs(i) ->
     /* answer a stalled process */
#ifdef F_FREEZE
     if :: susp[i] -> if :: api[i] -> vH[i]=H; vS[i]=S; vT[i]=T; cur[i]=1; susp[i]=0 :: else -> ann[i]=0 ; yl[i]=1 fi :: else fi;
#endif
     if :: ann[i] && ((ann[o1(i)]&&conn(i,o1(i))) || (ann[o2(i)]&&conn(i,o2(i)))) && !proof(i) G_TIE -> ann[i]=0; yl[i]=1; printf("%d yields on witness\n",i)
     :: else fi;
     if :: ann[i] && ((vH[i]!=i && !(sav[i] && vH[i]==UNK)) || !car[i]) -> ann[i]=0; printf("%d stops\n",i)
     :: else fi;
     if :: !ann[i] && vH[i]==i && car[i] && !(yl[i] && !proof(i)) -> ann[i]=1; yl[i]=0; printf("%d starts\n",i)
     :: else fi;
#ifdef F_HOLD
     /* the server does not say whose it is, and nobody claims it: hold */
     if :: !ann[i] && yl[i] && (vH[i]==i || (sav[i] && vH[i]==UNK)) && car[i] && !api[i] && !hears(i) -> ann[i]=1; yl[i]=0; printf("%d holds\n",i)
     :: else fi;
#endif
#ifdef F_SAVED
     /* started again, no server answers, nobody answers a probe */
     if :: !ann[i] && sav[i] && vH[i]==UNK && !yl[i] && car[i] && !api[i] && !hears(i) -> ann[i]=1; printf("%d goes on from its file\n",i)
     :: else fi;
#endif
#ifdef F_DEADLAN
     if :: api[i] && cur[i] && vH[i]==i && car[i] && !lan[i] && NOPEER(i) -> ann[i]=0; write(i,NO,NO,0) :: else fi;
#endif
     /* lost link: hand over */
     if :: api[i] && cur[i] && vH[i]==i && !car[i] ->
#ifdef F_OPEN
           write(i,NO,NO,0)
#else
           if :: vS[i]==NO -> write(i,i,o1(i),T) :: else fi
#endif
     :: else fi;
     /* rebalance to home node 0 */
#ifndef NOREB
     if :: api[i] && cur[i] && vH[i]==i && i!=0 && reb && vS[i]==NO && ex[i*3]==0 G_REB -> reb=0; write(i,i,0,T)
     :: else fi;
#endif
#ifdef F_OPEN
     /* a successor that does not take is given up */
     if :: api[i] && cur[i] && vH[i]==i && vS[i]!=NO && reb -> reb=0; write(i,i,NO,T) :: else fi;
#endif
#ifdef F_TAKEN
     /* flag goes when all sessions are Up again */
     if :: api[i] && cur[i] && vH[i]==i && vT[i] && peersup(i)==2 -> write(i,i,vS[i],0) :: else fi;
#endif
     /* claim */
     h=vH[i];
     if :: api[i] && car[i] && h!=i && h!=UNK ->
        if :: (h==NO G_LAN) || vS[i]==i -> 
              if :: cur[i] -> write(i,i,NO,0); ann[i]=1; yl[i]=0 :: else -> vH[i]=H;vS[i]=S;vT[i]=T;cur[i]=1 fi
        :: else -> if :: h==NO -> skip :: else ->
           if :: (ex[i*3+h]==2 || (ex[i*3+h]==1 && bd[i*3+h])) G_GET -> if :: cur[i] -> if :: runs(h)&&api[h]&&car[h]&&lan[h]&&wat[h] -> steal=1; printf("STEAL from live %d\n",h) :: else fi; write(i,i,NO,0); ann[i]=1; yl[i]=0 :: else -> vH[i]=H;vS[i]=S;vT[i]=T;cur[i]=1 fi
           :: else ->
              if :: bd[i*3+h] && peersup(i)>=1 && !damp G_TAKEN -> if :: cur[i] -> write(i,i,NO,1); ann[i]=1; yl[i]=0; damp=1 :: else -> vH[i]=H;vS[i]=S;vT[i]=T;cur[i]=1 fi
              :: else fi
           fi fi
        fi
     :: else fi;
     h=0 }
  od }

proctype deliver() { byte i=0;
end: do :: atomic {
   if :: runs(i) && api[i] && wat[i] -> vH[i]=H; vS[i]=S; vT[i]=T; cur[i]=1; susp[i]=0; sav[i]=0 :: else fi; i=(i+1)%3 } od }

proctype tick() { byte o=0, s=0;
end: do :: atomic {
   if :: o!=s ->
     if :: runs(o) ->
       if :: runs(s)&&api[s]&&api[o]&&wat[o] -> ex[o*3+s]=0
       :: else ->
#ifdef F_WATCH
          if :: api[o]&&wat[o] -> if :: ex[o*3+s]<2 -> ex[o*3+s]=ex[o*3+s]+1 :: else fi :: else -> ex[o*3+s]=0 fi
#else
          if :: ex[o*3+s]<2 -> ex[o*3+s]=ex[o*3+s]+1 :: else fi
#endif
       fi;
#ifdef F_WATCH
       if :: api[o] && !wat[o] -> wat[o]=1 :: else fi;
#endif
#ifdef NOBFD
       bd[o*3+s] = 0
#else
       bd[o*3+s] = !conn(o,s)
#endif
     :: else fi
   :: else if :: o==0 -> damp=0; reb=1 :: else fi
   fi;
   s=(s+1)%3; if :: s==0 -> o=(o+1)%3 :: else fi } od }

proctype env() { byte i=0;
 do
 :: nf<K -> atomic { nf++; select(i: 0..2);
    if
#ifdef FL_API
    :: api[i] -> api[i]=0; printf("FAULT api %d\n",i)
    :: api[i] -> api[0]=0; api[1]=0; api[2]=0; printf("FAULT api all\n")
#endif
#ifdef FL_WATCH
    :: wat[i] -> wat[i]=0; printf("FAULT watch %d\n",i)
#endif
#ifdef FL_CAR
    :: car[i] -> car[i]=0; lan[i]=0; printf("FAULT carrier %d\n",i)
#endif
#ifdef FL_LAN
    :: lan[i] -> lan[i]=0; printf("FAULT silent lan %d\n",i)
#endif
#ifdef FL_PAIR
    :: pr[i] -> pr[i]=0; printf("FAULT pair %d\n",i)
#endif
#ifdef FL_FRZ
    :: runs(i) -> frz[i]=1; susp[i]=1; printf("FAULT freeze %d\n",i)
#endif
#ifdef FL_RST
    :: runs(i) -> printf("FAULT restart %d\n",i); sav[i]=(vH[i]==i || (sav[i] && vH[i]==UNK)); ann[i]=0; vH[i]=UNK; vS[i]=NO; cur[i]=0; yl[i]=0; susp[i]=0
#endif
#ifdef FL_CRASH
    :: up[i] -> printf("FAULT crash %d\n",i); up[i]=0; ann[i]=0; vH[i]=UNK; vS[i]=NO; cur[i]=0; yl[i]=0
#endif
    :: else -> skip
    fi; i=0 }
#ifdef FL_FRZ
 :: atomic { (frz[0]||frz[1]||frz[2]) -> frz[0]=0;frz[1]=0;frz[2]=0; printf("THAWED\n") }
#endif
#ifdef HEALAPI
 :: atomic { (!api[0]||!api[1]||!api[2]) -> api[0]=1;api[1]=1;api[2]=1 }
#endif
 :: atomic { i=0; do :: i<3 -> api[i]=1;wat[i]=1;car[i]=1;lan[i]=1;pr[i]=1;up[i]=1;frz[i]=0;i++ :: else break od; i=0; printf("ALL HEALED\n"); healed=1; still=1 } break
#ifndef ONLYHEAL
 :: atomic { printf("STATIC\n"); still=1 } break
#endif
 od;
}
init { byte i=0; atomic {
  do :: i<3 -> api[i]=1;wat[i]=1;car[i]=1;lan[i]=1;pr[i]=1;up[i]=1;vH[i]=0;vS[i]=NO;cur[i]=1;i++ :: else break od; i=0;
  ann[0]=1;
  run node(0); run node(1); run node(2); run deliver(); run tick(); run env() } }
#ifdef P_HEAL
ltl p { [] (healed -> <>[] one) }
#endif
#ifdef P_LIVE
ltl p { [] ((still && anyelig) -> <>[] one) }
#endif
#ifdef P_NOPP
ltl p { [] (still -> (<>[] (par==0) || <>[] (par==1))) }
#endif
#ifdef P_DUP
ltl p { [] ((still && apiall) -> <>[] !two) }
#endif
#ifdef P_NOSTEAL
ltl p { [] (!steal) }
#endif
#ifdef P_KEEP
/* While no node has an API server, what can be announced by its holder is, whatever froze or was started again meanwhile. */
#define noapi (!api[0] && !api[1] && !api[2])
#define able(i) (H==i && runs(i) && car[i] && lan[i])
ltl p { [] ((still && noapi && (able(0)||able(1)||able(2))) -> <>[] one) }
#endif
